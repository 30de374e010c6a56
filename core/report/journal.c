#include "core/report/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/base/text.h"

enum { COLUMNS = 7, PLACE = 5, DETAIL = 6, LEAST = 12, MOST = 32, GAP = 2 };

/* Columns of each; 0 = not shown, -1 = the last one, as long as it is. */
static void measure(const struct journal_form *f, int widths[COLUMNS])
{
    const int fixed[COLUMNS] = { 20, f->has_unended ? 22 : 10, 14, 28, 20, 0, 0 };
    int left = f->cols - GAP - (f->has_op ? JOURNAL_OP + GAP : 0);
    for (int i = 0; i < COLUMNS; i++) {
        widths[i] = fixed[i];
        left -= fixed[i] ? fixed[i] + GAP : 0;
    }
    if (!f->cols) {
        widths[PLACE] = MOST;
        widths[DETAIL] = -1;
    } else if (left >= 2 * LEAST) {
        widths[PLACE] = left / 3 < LEAST ? LEAST : left / 3 > MOST ? MOST : left / 3;
        widths[DETAIL] = left - widths[PLACE];
    } else if (left >= LEAST) {
        widths[PLACE] = left;
    }
}

/* Cut only where the terminal ends: what is longer than its column moves the rest. */
static void add_cells(struct buf *out, const struct journal_form *f, const char *const cells[COLUMNS])
{
    int widths[COLUMNS];
    measure(f, widths);
    for (int i = 0; i < COLUMNS && widths[i]; i++) {
        const char *s = cells[i], *end = s + strlen(s);
        struct text_cell cell;
        int used = 0, most = i < PLACE || !f->cols ? INT32_MAX : widths[i];
        while (s < end) {
            text_next(&s, end, &cell);
            if (used + cell.width > most)
                break;
            buf_adds(out, cell.bytes);
            used += cell.width;
        }
        int pad = widths[i] > used ? widths[i] - used + GAP : GAP;
        buf_addf(out, "%*s", pad, "");
    }
    while (out->len && out->data[out->len - 1] == ' ')
        out->data[--out->len] = '\0';
    buf_addc(out, '\n');
}

void journal_table_head(struct buf *out, const struct journal_form *f)
{
    if (f->has_op)
        buf_addf(out, "%-*s", JOURNAL_OP + GAP, "OP");
    add_cells(out, f, (const char *const[COLUMNS]){ "TIME", "STATE", "ACTION", "TARGET", "WHO", "PLACE", "DETAIL" });
}

void journal_table_row(struct buf *out, const struct journal_form *f, const struct entry *en, bool is_unended)
{
    char at[CLOCK_TEXT], state[64];
    snprintf(state, sizeof state, "%s%s", entry_state_name(en->state), is_unended ? ", " JOURNAL_NO_END : "");
    clock_format_rfc3339(en->at_ms, at);
    if (f->has_op)
        buf_addf(out, "%-*.*s", JOURNAL_OP + GAP, JOURNAL_OP, en->op);
    add_cells(out, f, (const char *const[COLUMNS]){ at, state, en->action, en->target, en->who, en->where, en->detail });
}

static void add_member(struct buf *out, const char *name, const char *value)
{
    buf_addf(out, ",\"%s\":", name);
    json_quote(out, value);
}

void journal_json_row(struct buf *out, const struct entry *en, bool is_unended)
{
    char at[CLOCK_TEXT];
    buf_addf(out, "{\"seq\":%" PRId64 ",\"time\":\"%s\"", en->seq, clock_format_rfc3339(en->at_ms, at));
    add_member(out, "op", en->op);
    add_member(out, "state", entry_state_name(en->state));
    add_member(out, "action", en->action);
    add_member(out, "target", en->target);
    add_member(out, "who", en->who);
    add_member(out, "where", en->where);
    add_member(out, "detail", en->detail);
    add_member(out, "prev", en->prev);
    add_member(out, "hash", en->hash);
    buf_addf(out, ",\"noKnownEnd\":%s}", is_unended ? "true" : "false");
}
