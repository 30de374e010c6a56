/*
 * core/sim/place.h - the files that a run makes, and their end.
 *
 * Shape    DIR/kubeconfig and DIR/config.yaml (0600), DIR/errors.db, DIR/control; DIR itself when it was not
 *          there.  The kubeconfig has the contexts demo, demo-viewer (reads) and demo-nopods (reads all but
 *          pods), the configuration the environment demo
 * Thread   one       Owns   the files: place_clear removes what it made, and nothing else
 */
#ifndef SIM_PLACE_H
#define SIM_PLACE_H

#include <stdbool.h>

#include "core/base/err.h"

struct place {
    char *dir, *kubeconfig, *config, *errors_db, *control;
    bool has_made_dir, has_made_kubeconfig, has_made_config, owns_dir;
    bool has_made_errors_db; /* by whoever opened it */
};

/* dir NULL: a new one.  owns_dir: place_clear removes it with all that others have put there. */
MUST_USE enum err_code place_make(const char *dir, bool owns_dir, struct place *out, struct err *e);
MUST_USE enum err_code place_write_kubeconfig(struct place *p, int port, const char *token,
                                              const char *ns, struct err *e);
/* errors_db NULL: it is another place's. */
MUST_USE enum err_code place_write_config(struct place *p, int port, const char *token, const char *ns,
                                          const char *errors_db, struct err *e);
void place_clear(struct place *p);
MUST_USE enum err_code place_token(char out[33], struct err *e);

#endif
