#include "tui/links.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"
#include "core/model/verdict.h"
#include "tui/app_state.h"
#include "tui/clip.h"

enum { LINK_BYTES = 4096, BEFORE_MS = 30 * 60000, LAST_MS = 3600000 };

static bool text_is(const char *s, size_t n, const char *word)
{
    return n == strlen(word) && !memcmp(s, word, n);
}

static void add_field(struct buf *out, const char *field, size_t n, const struct workload *w, const struct bake *b, int64_t now_ms)
{
    int64_t from = b ? b->deployed_ms - BEFORE_MS : now_ms - LAST_MS, to = b && b->extended_end_ms < now_ms ? b->extended_end_ms : now_ms;
    char service[256];
    snprintf(service, sizeof service, "%.*s", (int)strcspn(w->services, ","), w->services);
    if (text_is(field, n, "service"))
        text_escape_url(out, service[0] ? service : w->name);
    else if (text_is(field, n, "namespace"))
        text_escape_url(out, w->ns);
    else if (text_is(field, n, "version"))
        text_escape_url(out, w->image_tag);
    else if (text_is(field, n, "revision"))
        buf_addf(out, "%" PRId64, w->revision);
    else if (text_is(field, n, "from_ms"))
        buf_addf(out, "%" PRId64, from);
    else if (text_is(field, n, "to_ms"))
        buf_addf(out, "%" PRId64, to);
}

void links_fill(const char *url, const struct workload *w, const struct bake *b, int64_t now_ms, struct buf *out)
{
    while (*url) {
        size_t plain = strcspn(url, "{"), field = url[plain] ? strcspn(url + plain, "}") : 0;
        buf_addf(out, "%.*s", (int)plain, url);
        url += plain;
        if (!*url)
            return;
        add_field(out, url + 1, field - 1, w, b, now_ms);
        url += field + (url[field] == '}');
    }
}

static const struct workload *workload_here(struct ui *ui, const struct frame *f)
{
    size_t top = ui_top(ui);
    const struct workloads *ws = frame_section(f, SECTION_WORKLOADS);
    struct frame own = ui_frame(ui, top);
    struct buf id = BUF_INIT(LINK_BYTES);
    const struct workload *found = NULL;
    if (ui->ops[top]->selected_id)
        ui->ops[top]->selected_id(ui->state[top], &own, &id);
    for (size_t i = 0; ws && id.len && i < ws->n && !found; i++)
        found = text_eq(ws->items[i]->id, buf_str(&id)) ? ws->items[i] : NULL;
    buf_release(&id);
    return found;
}

static void say_names(struct ui *ui, const struct ident *id)
{
    struct buf names = BUF_INIT(400);
    for (size_t i = 0; i < id->n_links; i++) {
        buf_adds(&names, i ? ", " : "");
        buf_add_most(&names, id->links[i].name);
    }
    if (id->n_links)
        ui_warn(ui, "which link? %s", buf_str(&names));
    else
        ui_warn(ui, "no links are set: see `links` in bakewatch help config");
    buf_release(&names);
}

void links_copy(struct ui *ui, void *state, const struct frame *f, const char *arg)
{
    const struct ident *id = frame_section(f, SECTION_IDENT);
    const struct workload *w = workload_here(ui, f);
    const struct link *link = NULL;
    (void)state;
    for (size_t i = 0; id && i < id->n_links; i++) {
        if (arg && arg[0] ? text_eq(id->links[i].name, arg) : id->n_links == 1)
            link = &id->links[i];
    }
    if (!id)
        return;
    if (!link) {
        say_names(ui, id);
        return;
    }
    if (!w) {
        ui_warn(ui, "select a workload: a link is of one");
        return;
    }
    struct buf url = BUF_INIT(LINK_BYTES);
    links_fill(link->url, w, verdict_bake(frame_section(f, SECTION_VERDICT), w->id), f->now_ms, &url);
    const char *needs = clip_copy(ui->term, buf_str(&url), url.len);
    ui_say(ui, "copied %s%s", buf_str(&url), needs);
    buf_release(&url);
}
