/*
 * `errors classify` says what an error would be, without a database: for writing rules, and for scripts
 * that fill the table.  A line of standard input is a message.
 */
#include <stdio.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/text.h"
#include "core/cli/cli.h"
#include "core/cli/say.h"
#include "core/cli/setup.h"
#include "core/judge/triage.h"

enum { OUT_CAP = 8 * 1024 * 1024 }; /* a --code may be as long as an argument can be */

struct printer {
    const struct options *o;
    const struct triage_rules *rules;
    struct buf out;
    size_t n;
};

static void print_json(struct printer *p, const struct triage *t, const char *service, const char *code,
                       const char *masked)
{
    const struct {
        const char *name, *value;
    } members[] = { { "severity", severity_name(t->severity) }, { "category", category_name(t->category) },
                    { "why", t->why }, { "service", service }, { "code", code }, { "message", masked } };
    buf_adds(&p->out, p->n ? ",\n" : "\n");
    buf_addf(&p->out, "{\"fingerprint\":\"%016llx\"", (unsigned long long)t->fingerprint);
    for (size_t i = 0; i < ARRAY_LEN(members); i++) {
        buf_addf(&p->out, ",\"%s\":", members[i].name);
        json_quote(&p->out, members[i].value);
    }
    buf_addc(&p->out, '}');
}

static void print_row(struct printer *p, const struct triage *t, const char *masked)
{
    char why[200];
    text_clean_to(why, sizeof why, t->why, strlen(t->why));
    buf_addf(&p->out, "%-9s %-14s %016llx  %-28s  ", severity_name(t->severity),
             category_name(t->category), (unsigned long long)t->fingerprint, why);
    text_clean(&p->out, masked, strlen(masked));
    buf_addc(&p->out, '\n');
}

static void classify(struct printer *p, const char *message)
{
    struct error_row *row = error_row_new();
    struct buf masked = BUF_INIT(4 * ERROR_TEXT);
    struct triage t;
    row->message = message;
    row->code = p->o->code ? p->o->code : "";
    row->service = p->o->service ? p->o->service : "";
    row->severity_text = p->o->severity ? p->o->severity : "";
    triage_row(p->rules, row, &t);
    triage_mask(&masked, message);
    if (p->o->output == OUTPUT_JSON)
        print_json(p, &t, row->service, row->code, buf_str(&masked));
    else
        print_row(p, &t, buf_str(&masked));
    fwrite(p->out.data, 1, p->out.len, stdout);
    buf_clear(&p->out);
    p->n++;
    buf_release(&masked);
    error_row_unref(row);
}

/* As the feed cuts a message: ERROR_TEXT bytes, less a code point that is not all there. */
static void cut(struct buf *line)
{
    size_t last = line->len;
    int32_t cp;
    while (last && ((unsigned char)line->data[last - 1] & 0xC0) == 0x80)
        last--;
    if (last && text_decode(line->data + last - 1, line->len - last + 1, &cp) != line->len - last + 1)
        line->data[last - 1] = '\0';
}

/* False: the input cannot be read. */
static bool classify_lines(struct printer *p)
{
    struct buf line = BUF_INIT(ERROR_TEXT);
    for (int c = 0; c != EOF;) {
        buf_clear(&line);
        while ((c = getc(stdin)) != EOF && c != '\n')
            buf_addc(&line, (char)c);
        if (line.over)
            cut(&line);
        else if (line.len && line.data[line.len - 1] == '\r')
            line.data[line.len - 1] = '\0';
        if (buf_str(&line)[0])
            classify(p, buf_str(&line));
    }
    buf_release(&line);
    return !ferror(stdin);
}

static void classify_args(struct printer *p)
{
    struct buf message = BUF_INIT(ERROR_TEXT); /* words without quotes are one message too */
    for (int i = 0; i < p->o->n_args; i++) {
        buf_add_most(&message, i ? " " : "");
        buf_add_most(&message, p->o->args[i]);
    }
    classify(p, buf_str(&message));
    buf_release(&message);
}

int cmd_errors_classify(const struct options *o, const struct cli_env *env)
{
    (void)env;
    bool is_stdin = o->n_args == 0 || (o->n_args == 1 && text_eq(o->args[0], "-")), ok = true;
    if (o->output != OUTPUT_TABLE && o->output != OUTPUT_JSON) {
        cli_complain("errors classify prints -o table or json");
        return EXIT_USAGE;
    }
    const struct conf *conf = setup_conf(o);
    const struct conf_env *place = NULL;
    if (!conf || setup_env(o, conf, &place))
        return EXIT_USAGE;
    struct triage_rules *rules = setup_rules(conf_find_errors(conf, place));
    if (!rules)
        return EXIT_USAGE;
    struct printer p = { .o = o, .rules = rules, .out = BUF_INIT(OUT_CAP) };
    if (o->output == OUTPUT_JSON)
        fputs("{\"schema\":\"bakewatch/classify/v1\",\"errors\":[", stdout);
    else if (!o->no_headers)
        printf("%-9s %-14s %-16s  %-28s  %s\n", "SEVERITY", "CATEGORY", "FINGERPRINT", "WHY", "MESSAGE");
    if (is_stdin)
        ok = classify_lines(&p);
    else
        classify_args(&p);
    if (o->output == OUTPUT_JSON)
        puts("]}");
    if (!ok)
        perror("bakewatch: standard input");
    buf_release(&p.out);
    triage_rules_free(rules);
    return ok ? EXIT_PASS : EXIT_USAGE;
}
