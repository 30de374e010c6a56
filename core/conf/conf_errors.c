/* The part of the configuration that is about errors: their table, their rules, their services. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <string.h>
#include <strings.h>

#include "core/base/text.h"
#include "core/conf/conf_internal.h"

static const char *const categories[] = { "configuration", "dependency",  "resource", "network",
                                          "security",      "performance", "other" };

const char *conf_category_name(int category)
{
    return category >= 0 && (size_t)category < ARRAY_LEN(categories) ? categories[category] : "?";
}

/* Compiled with the options of core/judge/triage_rules.c, so that what passes here is one there. */
static void check_pattern(struct conf_reader *r, const struct yaml_node *n, const char *pattern)
{
    int number;
    PCRE2_SIZE at = 0;
    PCRE2_UCHAR why[128];
    if (strlen(pattern) > CONF_PATTERN) {
        conf_bad(r, n, "match holds at most %d bytes", CONF_PATTERN);
        return;
    }
    pcre2_code *regex = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                      PCRE2_CASELESS | PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, &number,
                                      &at, NULL);
    if (!regex) {
        pcre2_get_error_message(number, why, sizeof why);
        conf_bad(r, n, "match is no regular expression: %s at character %zu", (const char *)why,
                 (size_t)at + 1);
    }
    pcre2_code_free(regex);
}

static void read_rule(struct conf_reader *r, struct conf_rule *rule, const struct yaml_node *map)
{
    static const char *const known[] = { "match", "code", "category" };
    rule->category = -1;
    if (map->kind != YAML_MAP) {
        conf_bad(r, map, "a rule is a mapping like {match: \"timed out\", category: network}");
        return;
    }
    bool has_category = false;
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml_node *key = map->keys[i], *v = map->items[i];
        if (text_eq(key->text, "match")) {
            if ((rule->match = conf_text(r, v, "match")))
                check_pattern(r, v, rule->match);
        } else if (text_eq(key->text, "code")) {
            rule->code = conf_text(r, v, "code");
            if (rule->code && !rule->code[0])
                conf_bad(r, v, "code is empty: it would match every code");
        } else if (text_eq(key->text, "category")) {
            rule->category = conf_choice(r, v, "category", categories, ARRAY_LEN(categories));
            has_category = true;
        } else {
            conf_unknown_key(r, key, known, ARRAY_LEN(known));
        }
    }
    if (!yaml_get(map, "match") == !yaml_get(map, "code"))
        conf_bad(r, map, "a rule has a match or a code, one of the two");
    if (!has_category)
        conf_bad(r, map, "a rule has a category");
}

static void read_rules(struct conf_reader *r, struct conf_errors *errors, const struct yaml_node *n)
{
    if (n->kind != YAML_SEQ || n->n > CONF_RULES) {
        conf_bad(r, n, n->kind == YAML_SEQ ? "rules holds at most %d rules"
                                           : "rules must be a list of rules", CONF_RULES);
        return;
    }
    struct conf_rule *rules = arena_alloc(&r->c->arena, (n->n + 1) * sizeof *rules);
    for (size_t i = 0; i < n->n; i++)
        read_rule(r, &rules[i], n->items[i]);
    errors->rules = rules;
    errors->n_rules = n->n;
}

/* An error about `db` never repeats it: it may hold a password. */
static void check_db(struct conf_reader *r, const struct yaml_node *n, const char *db)
{
    const char *path = db;
    bool is_file = text_skip(&path, "sqlite://");
    if (!is_file && !text_starts(db, "postgresql://") && !text_starts(db, "postgres://"))
        conf_bad(r, n, "db must start with postgresql:// or sqlite://");
    else if (is_file && !path[strspn(path, "/")])
        conf_bad(r, n, "db names no file: sqlite:///absolute/path or sqlite://relative/path");
}

static bool is_offset(const char *s)
{
    int64_t h, m;
    return (s[0] == '+' || s[0] == '-') && strlen(s) == 6 && s[3] == ':' &&
           text_to_int(s + 1, 2, 0, 15, &h) && text_to_int(s + 4, 2, 0, 59, &m);
}

static void check_timezone(struct conf_reader *r, const struct yaml_node *n, const char *zone)
{
    bool is_name = (zone[0] >= 'A' && zone[0] <= 'Z') || (zone[0] >= 'a' && zone[0] <= 'z');
    for (const char *p = zone; *p && is_name; p++)
        is_name = (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') ||
                  strchr("/_+-", *p);
    if (!is_offset(zone) && !is_name)
        conf_bad(r, n, "timezone: \"%.40s\" is neither a name like Europe/Paris nor like +02:00", zone);
}

static void check_errors(struct conf_reader *r, const struct conf_errors *e, const struct yaml_node *map)
{
    const struct yaml_node *zone = yaml_get(map, "timezone");
    if (e->db && e->service)
        conf_bad(r, yaml_get(map, "service"), "db and service: one of them must go");
    /* SQLite knows no names of zones, and we do not either. */
    if (zone && e->timezone && e->db && text_starts(e->db, "sqlite://") && !is_offset(e->timezone) &&
        !text_eq_fold(e->timezone, "UTC"))
        conf_bad(r, zone, "timezone of an SQLite file is UTC or like +02:00");
}

const struct conf_errors *conf_read_errors(struct conf_reader *r, const struct yaml_node *key,
                                           const struct yaml_node *map)
{
    static const char *const known[] = { "db", "service", "timezone", "rules" };
    if (yaml_is_null(map))
        return NULL;
    if (map->kind != YAML_MAP) {
        conf_bad(r, map, "errors must be a mapping like {service: ops}");
        return NULL;
    }
    struct conf_errors *e = arena_alloc(&r->c->arena, sizeof *e);
    e->origin = conf_origin(r, key);
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml_node *k = map->keys[i], *v = map->items[i];
        if (text_eq(k->text, "db")) {
            if ((e->db = conf_text(r, v, "db")))
                check_db(r, v, e->db);
        } else if (text_eq(k->text, "service")) {
            e->service = conf_text(r, v, "service");
            if (e->service && (!e->service[0] || strpbrk(e->service, " '\\=")))
                conf_bad(r, v, "service must be the name of a section in ~/.pg_service.conf");
        } else if (text_eq(k->text, "timezone")) {
            if ((e->timezone = conf_text(r, v, "timezone")))
                check_timezone(r, v, e->timezone);
        } else if (text_eq(k->text, "rules")) {
            read_rules(r, e, v);
        } else {
            conf_unknown_key(r, k, known, ARRAY_LEN(known));
        }
    }
    check_errors(r, e, map);
    return e;
}

static void check_workload(struct conf_reader *r, const struct yaml_node *n, const char *workload)
{
    static const char *const kinds[] = { "deployment", "statefulset", "daemonset",
                                         "deploy",     "sts",         "ds" };
    const char *slash = strchr(workload, '/'), *name = slash ? slash + 1 : workload;
    if (slash) {
        char kind[32] = "";
        size_t len = (size_t)(slash - workload);
        bool is_known = false;
        if (len < sizeof kind)
            memcpy(kind, workload, len);
        for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
            is_known |= text_eq_fold(kind, kinds[i]);
        const char *near = is_known ? NULL : text_nearest(kind, kinds, ARRAY_LEN(kinds));
        if (!is_known) {
            conf_bad(r, n, "\"%.31s\" is no kind of workload%s%s%s", kind,
                     near ? ", did you mean \"" : "", near ? near : "", near ? "\"?" : "");
            return;
        }
    }
    if (!text_is_dns1123_subdomain(name))
        conf_bad(r, n, "\"%.60s\" is not the name of a workload: [KIND/]NAME", name);
}

void conf_read_services(struct conf_reader *r, struct conf_env *env, const struct yaml_node *map)
{
    if (yaml_is_null(map))
        return;
    if (map->kind != YAML_MAP || map->n > CONF_SERVICES) {
        conf_bad(r, map, map->kind == YAML_MAP
                             ? "services holds at most %d names"
                             : "services must be a mapping like {payments: deployment/payment-api}",
                 CONF_SERVICES);
        return;
    }
    struct conf_service *list = arena_alloc(&r->c->arena, (map->n + 1) * sizeof *list);
    env->n_services = 0;
    for (size_t i = 0; i < map->n; i++) {
        const struct yaml_node *key = map->keys[i], *v = map->items[i];
        const char *workload = conf_text(r, v, "the workload of a service");
        if (!workload)
            continue;
        check_workload(r, v, workload);
        for (size_t k = 0; k < env->n_services; k++) {
            if (text_eq_fold(list[k].name, key->text))
                conf_bad(r, key, "service \"%.60s\" is there in another case: they are the same", key->text);
        }
        list[env->n_services++] = (struct conf_service){ arena_strdup(&r->c->arena, key->text), workload,
                                                         conf_origin(r, key) };
    }
    env->services = list;
}

const struct conf_errors *conf_find_errors(const struct conf *c, const struct conf_env *env)
{
    return env ? env->errors : c->errors;
}

static bool is_secret_parameter(const char *p, size_t n)
{
    if (memchr(p, '%', n)) /* an encoded name may be any */
        return true;
    for (size_t i = 0; i + 8 <= n; i++) {
        if (strncasecmp(p + i, "password", 8) == 0)
            return true;
    }
    return false;
}

/* From the first ':' of the user's part to the last '@': a password may hold an '@' that was not
 * encoded, and masking too much is the better mistake. */
void conf_mask_db(struct buf *out, const char *db)
{
    const char *body = strstr(db, "://"), *at = strrchr(db, '@');
    const char *colon = body ? memchr(body + 3, ':', strlen(body + 3)) : NULL;
    const char *rest = db;
    if (colon && at && colon < at) {
        buf_add(out, db, (size_t)(colon + 1 - db));
        buf_adds(out, "***");
        rest = at;
    }
    const char *query = strchr(rest, '?');
    if (!query) {
        buf_adds(out, rest);
        return;
    }
    buf_add(out, rest, (size_t)(query + 1 - rest));
    for (const char *p = query + 1; *p;) {
        size_t n = strcspn(p, "&"), name = strcspn(p, "=&");
        bool is_secret = name < n && is_secret_parameter(p, name);
        buf_add(out, p, is_secret ? name + 1 : n);
        if (is_secret)
            buf_adds(out, "***");
        p += n;
        if (*p)
            buf_addc(out, *p++);
    }
}
