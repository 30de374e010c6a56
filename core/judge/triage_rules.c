/*
 * The category of an error: tables of code prefixes and of message patterns, the user's and ours.
 *
 * The order of our patterns is from the specific to the general: what names its cause (out of memory,
 * a certificate, no such host) comes before what many causes share (timed out, unavailable), and single
 * words come last.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "core/base/text.h"
#include "core/judge/triage.h"

enum { MATCH_LIMIT = 20000, HEAP_KIB = 2048, WHY = 96 };

static const struct {
    const char *code;
    enum category category;
} codes[] = {
    { "CFG", CATEGORY_CONFIGURATION },   { "CONF", CATEGORY_CONFIGURATION },
    { "CONFIG", CATEGORY_CONFIGURATION }, { "ENV", CATEGORY_CONFIGURATION },
    { "DEP", CATEGORY_DEPENDENCY },      { "UPSTREAM", CATEGORY_DEPENDENCY },
    { "DEPENDENCY", CATEGORY_DEPENDENCY }, { "ImagePullBackOff", CATEGORY_DEPENDENCY },
    { "ErrImagePull", CATEGORY_DEPENDENCY }, { "RES", CATEGORY_RESOURCE },
    { "RESOURCE", CATEGORY_RESOURCE },   { "OOM", CATEGORY_RESOURCE },
    { "OOMKilled", CATEGORY_RESOURCE },  { "MEM", CATEGORY_RESOURCE },
    { "MEMORY", CATEGORY_RESOURCE },     { "CPU", CATEGORY_RESOURCE },
    { "DISK", CATEGORY_RESOURCE },       { "QUOTA", CATEGORY_RESOURCE },
    { "ENOSPC", CATEGORY_RESOURCE },     { "ENOMEM", CATEGORY_RESOURCE },
    { "EMFILE", CATEGORY_RESOURCE },     { "NET", CATEGORY_NETWORK },
    { "NETWORK", CATEGORY_NETWORK },     { "CONN", CATEGORY_NETWORK },
    { "CONNECTION", CATEGORY_NETWORK },  { "DNS", CATEGORY_NETWORK },
    { "TMO", CATEGORY_NETWORK },         { "TIMEOUT", CATEGORY_NETWORK },
    { "ECONNREFUSED", CATEGORY_NETWORK }, { "ECONNRESET", CATEGORY_NETWORK },
    { "ETIMEDOUT", CATEGORY_NETWORK },   { "ENOTFOUND", CATEGORY_NETWORK },
    { "EAI", CATEGORY_NETWORK },         { "EHOSTUNREACH", CATEGORY_NETWORK },
    { "ENETUNREACH", CATEGORY_NETWORK }, { "EPIPE", CATEGORY_NETWORK },
    { "SEC", CATEGORY_SECURITY },        { "SECURITY", CATEGORY_SECURITY },
    { "AUTH", CATEGORY_SECURITY },       { "AUTHZ", CATEGORY_SECURITY },
    { "CERT", CATEGORY_SECURITY },       { "TLS", CATEGORY_SECURITY },
    { "SSL", CATEGORY_SECURITY },        { "PERM", CATEGORY_SECURITY },
    { "EACCES", CATEGORY_SECURITY },     { "EPERM", CATEGORY_SECURITY },
    { "PERF", CATEGORY_PERFORMANCE },    { "SLOW", CATEGORY_PERFORMANCE },
    { "LAT", CATEGORY_PERFORMANCE },     { "LATENCY", CATEGORY_PERFORMANCE },
};

static const struct {
    const char *match;
    enum category category;
} patterns[] = {
    /* what names its cause */
    { "out of memory|oom[- _]?kill|cannot allocate memory|memoryerror|outofmemory|heap space|gc overhead",
      CATEGORY_RESOURCE },
    { "\\b(code|status) 137\\b", CATEGORY_RESOURCE },
    { "no space left|disk (is )?full|disk ?pressure|read-only file system", CATEGORY_RESOURCE },
    { "quota|insufficient (cpu|memory|resources)|too many (open files|connections|clients)",
      CATEGORY_RESOURCE },
    { "resources? exhausted|resourceexhausted|pool (is )?exhausted|queuepool limit|connection slots|"
      "the node was low on|\\bevicted\\b", CATEGORY_RESOURCE },
    { "x509|certificate|self[- ]signed|\\btls: |\\bssl: |handshake fail|pkix", CATEGORY_SECURITY },
    { "permission denied|access (is )?denied|unauthori[sz]ed|unauthenticated|forbidden|not authori[sz]ed",
      CATEGORY_SECURITY },
    { "authentication fail|authorization fail|\\bjwt|token (is |has |was )?(expired|invalid|revoked)|"
      "(invalid|bad|wrong|expired) (token|credential|password|api key|signature)", CATEGORY_SECURITY },
    { "environment variable|\\benv(ironment)?[ -]?var|(missing|unknown|invalid) (required )?(config|setting)",
      CATEGORY_CONFIGURATION },
    { "(config ?map|secret) \\S+ not found|no such file or directory.*\\.(ya?ml|json|toml|ini|conf|env)\\b|"
      "\\.(ya?ml|toml|ini|conf|env)\\b.*no such file", CATEGORY_CONFIGURATION },
    { "slow (query|request|response|log)|response time|deadline ?exceeded|took (too long|longer)|"
      "exceeded (the )?(slo|sla)\\b|\\bp9[059]\\b", CATEGORY_PERFORMANCE },
    { "no such host|name resolution|name or service not known|getaddrinfo|nxdomain|\\bdns\\b|"
      "server misbehaving|could not resolve|unknown ?host", CATEGORY_NETWORK },
    { "connection (was )?(refused|reset|aborted|timed out)|econnre|no route to host|broken pipe|"
      "network is unreachable|i/o timeout|socket hang ?up|handshake timeout", CATEGORY_NETWORK },
    { "no module named|cannot find module|classnotfound|noclassdef|importerror|unresolved import|"
      "(image ?pull|errimage)|manifest unknown|version conflict", CATEGORY_DEPENDENCY },
    /* what many causes share */
    { "upstream|bad gateway|gateway time-?out|service (is )?(temporarily )?unavailable|circuit ?breaker|"
      "\\b50[234]\\b|dependency", CATEGORY_DEPENDENCY },
    { "timed? ?out|connection|connect(ing)? to|network|unreachable|unexpected eof", CATEGORY_NETWORK },
    { "\\bslow|latency|performance|bottleneck|too long", CATEGORY_PERFORMANCE },
    { "config|\\benv\\b|\\bsettings?\\b|undefined variable|unknown (field|flag|option|key)",
      CATEGORY_CONFIGURATION },
    { "\\b(memory|cpu|disk|resources?)\\b", CATEGORY_RESOURCE },
    { "\\b(auth|authentication|authorization|credentials?|login|token|password)\\b", CATEGORY_SECURITY },
    { "unavailable|database|redis|kafka|rabbitmq|external service", CATEGORY_DEPENDENCY },
};

struct rule {
    char *text; /* the pattern, or the prefix of the code */
    pcre2_code *regex; /* NULL: a rule of the code */
    enum category category;
};

struct triage_rules {
    struct rule user[TRIAGE_RULES];
    size_t n_user;
    pcre2_code *ours[ARRAY_LEN(patterns)];
    pcre2_match_context *limits;
};

/* The same options as core/conf/conf_errors.c, which has checked the user's patterns before. */
static pcre2_code *compile(const char *pattern, uint32_t options, struct err *e)
{
    int number;
    PCRE2_SIZE at;
    PCRE2_UCHAR why[128];
    pcre2_code *regex = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                                      PCRE2_CASELESS | options, &number, &at, NULL);
    if (!regex) {
        pcre2_get_error_message(number, why, sizeof why);
        err_set(e, ERR_CONFIG, number, "pattern \"%.60s\": %s at character %zu", pattern,
                (const char *)why, (size_t)at + 1);
    }
    return regex;
}

enum err_code triage_rules_new(const struct triage_rule *user, size_t n, struct triage_rules **out,
                               struct err *e)
{
    if (n > TRIAGE_RULES)
        return err_set(e, ERR_LIMIT, 0, "more than %d rules", TRIAGE_RULES);
    struct triage_rules *r = x_calloc(1, sizeof *r);
    r->limits = x_must(pcre2_match_context_create(NULL));
    pcre2_set_match_limit(r->limits, MATCH_LIMIT);
    pcre2_set_heap_limit(r->limits, HEAP_KIB);
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++) {
        /* NULL would be want of memory: a unit test compiles them all */
        r->ours[i] = x_must(compile(patterns[i].match, 0, NULL));
    }
    for (size_t i = 0; i < n; i++) {
        struct rule *rule = &r->user[i];
        if (user[i].match &&
            !(rule->regex = compile(user[i].match, PCRE2_UTF | PCRE2_MATCH_INVALID_UTF, e))) {
            triage_rules_free(r);
            return ERR_CONFIG;
        }
        rule->text = x_strdup(user[i].match ? user[i].match : user[i].code);
        rule->category = user[i].category;
        r->n_user = i + 1;
    }
    *out = r;
    return ERR_OK;
}

void triage_rules_free(struct triage_rules *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n_user; i++) {
        pcre2_code_free(r->user[i].regex);
        free(r->user[i].text);
    }
    for (size_t i = 0; i < ARRAY_LEN(patterns); i++)
        pcre2_code_free(r->ours[i]);
    pcre2_match_context_free(r->limits);
    free(r);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool has_prefix(const char *code, const char *prefix)
{
    size_t n = strlen(prefix);
    return n && strncasecmp(code, prefix, n) == 0 && !(is_letter(prefix[n - 1]) && is_letter(code[n]));
}

/* "ERR_NET_12", "E-NET-12", "ERROR.NET": the word that says nothing is not the prefix. */
static const char *code_body(const char *code)
{
    static const char *const empty[] = { "ERROR", "ERR", "E" };
    for (size_t i = 0; i < ARRAY_LEN(empty); i++) {
        size_t n = strlen(empty[i]);
        if (strncasecmp(code, empty[i], n) == 0 && code[n] && strchr("-_.:", code[n]))
            return code + n + 1;
    }
    return code;
}

static bool code_is(const char *code, const char *prefix)
{
    return has_prefix(code, prefix) || has_prefix(code_body(code), prefix);
}

static bool matches(const struct triage_rules *r, const pcre2_code *regex, const char *s,
                    pcre2_match_data *md)
{
    return pcre2_match(regex, (PCRE2_SPTR)s, strnlen(s, ERROR_TEXT), 0, 0, md, r->limits) >= 0;
}

static enum category by_user(const struct triage_rules *r, const char *code, const char *message,
                             pcre2_match_data *md, char why[WHY])
{
    for (size_t i = 0; i < r->n_user; i++) {
        const struct rule *rule = &r->user[i];
        if (rule->regex ? matches(r, rule->regex, message, md) : code_is(code, rule->text)) {
            snprintf(why, WHY, rule->regex ? "config rule /%.70s/" : "config code prefix %.70s",
                     rule->text);
            return rule->category;
        }
    }
    return N_CATEGORIES;
}

/* Our patterns are lists of words: what was found says more than the pattern. */
static enum category by_ours(const struct triage_rules *r, const char *what, const char *text,
                             pcre2_match_data *md, char why[WHY])
{
    for (size_t i = 0; i < ARRAY_LEN(patterns) && text[0]; i++) {
        if (matches(r, r->ours[i], text, md)) {
            const PCRE2_SIZE *at = pcre2_get_ovector_pointer(md);
            size_t n = at[1] - at[0] < 60 ? at[1] - at[0] : 60;
            snprintf(why, WHY, "%s has \"%.*s\"", what, (int)n, text + at[0]);
            return patterns[i].category;
        }
    }
    return N_CATEGORIES;
}

static enum category by_code(const char *code, char why[WHY])
{
    for (size_t i = 0; i < ARRAY_LEN(codes); i++) {
        if (code_is(code, codes[i].code)) {
            snprintf(why, WHY, "code prefix %s", codes[i].code);
            return codes[i].category;
        }
    }
    return N_CATEGORIES;
}

enum category triage_category(const struct triage_rules *r, const char *code, const char *message,
                              char why[WHY])
{
    char unused[WHY];
    why = why ? why : unused;
    pcre2_match_data *md = x_must(pcre2_match_data_create(1, NULL));
    enum category c = by_user(r, code, message, md, why);
    if (c == N_CATEGORIES)
        c = by_code(code, why);
    if (c == N_CATEGORIES)
        c = by_ours(r, "message", message, md, why);
    if (c == N_CATEGORIES)
        c = by_ours(r, "code", code, md, why);
    pcre2_match_data_free(md);
    if (c == N_CATEGORIES) {
        snprintf(why, WHY, "no rule matched");
        c = CATEGORY_OTHER;
    }
    return c;
}
