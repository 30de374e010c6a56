/*
 * core/sim/selector.h - label and field selectors of the Kubernetes API.
 *
 *   k=v  k==v  k!=v  k in (a,b)  k notin (a,b)  k  !k      joined by ','; fields have the first
 * three
 *
 * Limits   SELECTOR_BYTES of text, SELECTOR_TERMS terms
 * Errors   ERR_PARSE with the term that cannot be read
 * Thread   any (pure)       Owns   its copy of the text
 */
#ifndef SIM_SELECTOR_H
#define SIM_SELECTOR_H

#include "core/base/json.h"

enum { SELECTOR_BYTES = 4096, SELECTOR_TERMS = 32 };
enum selector_op { SELECT_IN, SELECT_NOTIN, SELECT_EXISTS, SELECT_ABSENT };

struct selector_term {
    char *key;
    char **values; /* IN, NOTIN */
    size_t n;
    enum selector_op op;
};

struct selector {
    struct selector_term terms[SELECTOR_TERMS];
    size_t n;
    struct arena arena;
};

/* NULL or "" selects all. */
MUST_USE enum err_code selector_parse(const char *text, struct selector *out, struct err *e);
void selector_release(struct selector *s);
/* Labels are those of `object`.metadata.labels; a field is a path in the object. */
bool selector_has_labels(const struct selector *s, struct json_span object);
bool selector_has_fields(const struct selector *s, struct json_span object);

#endif
