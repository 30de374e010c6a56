/* Links of the configuration, filled in: what comes from the cluster is escaped. */
#include "tests/unit/unit.h"

#include "core/base/text.h"
#include "core/model/verdict.h"
#include "tui/links.h"

static void fields_are_filled_in(void **state)
{
    (void)state;
    enum { NOW = 10000000 };
    const struct bake b = { .deployed_ms = 5000000, .extended_end_ms = 91400000 }, over = { .deployed_ms = 5000000, .extended_end_ms = 9000000 };
    static const struct {
        const char *url, *services, *tag;
        int bake;
        const char *want;
    } rows[] = {
        { "https://g.example/d?s={service}&n={namespace}", "orders, orders-headless", "1", 0, "https://g.example/d?s=orders&n=shop" },
        { "https://g.example/{service}", "", "1", 0, "https://g.example/web" },
        { "https://g.example/?v={version}&r={revision}", "", "1.0 &x=\"\033]", 0, "https://g.example/?v=1.0%20%26x%3D%22%1B%5D&r=7" },
        { "https://g.example/?from={from_ms}&to={to_ms}", "", "1", 0, "https://g.example/?from=6400000&to=10000000" },
        { "https://g.example/?from={from_ms}&to={to_ms}", "", "1", 1, "https://g.example/?from=3200000&to=10000000" },
        { "https://g.example/?from={from_ms}&to={to_ms}", "", "1", 2, "https://g.example/?from=3200000&to=9000000" },
        { "https://g.example/", "", "1", 0, "https://g.example/" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf out = BUF_INIT(4096);
        const struct workload w = { .ns = "shop", .name = "web", .services = rows[i].services, .image_tag = rows[i].tag, .revision = 7 };
        links_fill(rows[i].url, &w, rows[i].bake == 1 ? &b : rows[i].bake ? &over : NULL, NOW, &out);
        assert_string_equal(buf_str(&out), rows[i].want);
        buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(fields_are_filled_in) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
