/* What the simulator reads from outside: stories, queries, selectors, patches.  The first byte says which. */
#include <assert.h>
#include <string.h>

#include "core/sim/promql.h"
#include "core/sim/selector.h"
#include "core/sim/story.h"
#include "core/sim/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void find(void *ctx, const char *metric, struct arena *a, struct prom_vector *out)
{
    (void)ctx;
    for (int i = 0; i < 3; i++) {
        struct prom_series *s = prom_add(out, a);
        prom_set(s, "__name__", metric);
        prom_set(s, "le", i == 0 ? "1" : i == 1 ? "2" : "+Inf");
        s->part = i;
    }
}

static size_t read_samples(void *ctx, const struct prom_series *s, int64_t from, int64_t to, struct prom_point *out, size_t room)
{
    size_t n = 0;
    (void)ctx;
    for (int64_t at = 0; at <= 300000 && n < room; at += 15000) {
        if (at > from && at <= to)
            out[n++] = (struct prom_point){ at, (double)at * s->part };
    }
    return n;
}

static void query(const char *text)
{
    struct prom_source src = { find, read_samples, NULL };
    struct arena a = { 0 };
    struct prom_node *node = NULL;
    struct prom_vector v;
    if (promql_parse(text, &a, &node, NULL) == ERR_OK && promql_eval(node, &src, 300000, &a, &v, NULL) == ERR_OK)
        assert(v.n <= PROMQL_SERIES);
    arena_release(&a);
}

static void patch(const char *text)
{
    const char *end = strchr(text, '\n');
    cJSON *t = NULL, *p = NULL;
    if (!end || tree_parse(text, (size_t)(end - text), &t, NULL))
        return;
    if (tree_parse(end + 1, strlen(end + 1), &p, NULL) == ERR_OK) {
        for (int how = 0; how < 3; how++) {
            cJSON *copy = tree_copy(t);
            if (tree_patch(&copy, p, (enum tree_patch)how, NULL) == ERR_OK)
                assert(copy);
            cJSON_Delete(copy);
        }
        cJSON_Delete(p);
    }
    cJSON_Delete(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static const char object[] = "{\"metadata\":{\"labels\":{\"app\":\"web\"}}}";
    char *text = x_strndup(n ? (const char *)data + 1 : "", n ? n - 1 : 0);
    struct story story;
    struct selector s;
    if (n && data[0] == 's' && story_parse("x", text, story_embedded, NULL, &story, NULL) == ERR_OK) {
        assert(story.n_services);
        story_release(&story);
    } else if (n && data[0] == 'q') {
        query(text);
    } else if (n && data[0] == 'p') {
        patch(text);
    } else if (n && data[0] == 'l' && selector_parse(text, &s, NULL) == ERR_OK) {
        struct json_span span = { object, sizeof object - 1 };
        (void)selector_has_labels(&s, span);
        (void)selector_has_fields(&s, span);
        selector_release(&s);
    }
    free(text);
    return 0;
}
