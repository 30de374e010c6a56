#include "core/cli/stream.h"

#include <stdio.h>

#include "core/base/clock.h"
#include "core/cli/headless.h"
#include "core/cli/say.h"
#include "core/cli/setup.h"
#include "core/model/ident.h"
#include "core/report/ndjson.h"

enum { OUTPUT_CAP = 256 * 1024 * 1024 };

/* An exit code; below 0: the story goes on. */
static int how_it_ended(const struct snap *s)
{
    const struct ident *id = (const struct ident *)s->sections[SECTION_IDENT];
    if (id && id->is_demo_cut) {
        cli_complain("demo: %s", id->caption);
        return EXIT_FAIL;
    }
    return id && id->story_end_ms != TIME_NONE && clock_story_ms() >= id->story_end_ms ? EXIT_PASS : -1;
}

static int look(void *ctx, const struct snap *s)
{
    struct buf out = BUF_INIT(OUTPUT_CAP);
    ndjson_add(ctx, s, clock_story_ms(), &out);
    fwrite(buf_str(&out), 1, out.len, stdout);
    buf_release(&out);
    if (fflush(stdout) || ferror(stdout))
        return EXIT_FAIL;
    return how_it_ended(s);
}

int stream_run(const struct options *o)
{
    struct gather_spec spec = { 0 };
    int rc = setup_gather(o, NEED_CLUSTER, &spec);
    if (rc)
        return rc;
    struct ndjson *n = ndjson_new();
    rc = headless_run(&spec, o->timeout_ms, look, n);
    ndjson_free(n);
    return rc;
}
