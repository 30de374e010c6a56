#include "core/sources/errdb_pg_place.h"

#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "core/base/log.h"
#include "core/base/text.h"

/* What libpq quotes may hold a password. */
static enum err_code refuse(struct err *e, const char *why)
{
    char text[160];
    snprintf(text, sizeof text, "%.*s", (int)strcspn(why, "\"\n"), why);
    for (size_t n = strlen(text); n && (text[n - 1] == ' ' || text[n - 1] == ':'); n--)
        text[n - 1] = '\0';
    return err_set(e, ERR_CONFIG, 0, "the place of the error database is postgresql://..., service=NAME, or sqlite:///a/file: %s", text);
}

static const char *said(const PQconninfoOption *o, const char *keyword)
{
    for (; o && o->keyword; o++) {
        if (text_eq(o->keyword, keyword))
            return o->val;
    }
    return NULL;
}

enum err_code pg_place_check(const char *place, struct err *e)
{
    char *why = NULL;
    PQconninfoOption *o = PQconninfoParse(place, &why);
    if (!o) {
        refuse(e, why ? why : "not a PostgreSQL connection string");
        PQfreemem(why);
        return ERR_CONFIG;
    }
    log_secret(said(o, "password") ? said(o, "password") : "");
    PQconninfoFree(o);
    return ERR_OK;
}

/* ---- hosts ---- */

/* The i-th part of a list joined by commas; a list of one is for all. */
static char *part(const char *list, size_t i)
{
    if (!list)
        return x_strdup("");
    if (!strchr(list, ','))
        return x_strdup(list);
    for (; i && *list; i--) {
        list += strcspn(list, ",");
        list += *list == ',';
    }
    return x_strndup(list, strcspn(list, ","));
}

static size_t count(const char *list)
{
    size_t n = 1;
    for (; *list; list++)
        n += *list == ',';
    return n;
}

static bool is_socket(const char *host)
{
    return !*host || *host == '/' || *host == '@';
}

static bool is_numeric(const char *host)
{
    unsigned char bytes[16];
    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool is_here(const char *host)
{
    return is_socket(host) || text_eq_fold(host, "localhost") || text_eq(host, "::1") ||
           (text_starts(host, "127.") && is_numeric(host));
}

static enum err_code learn_hosts(struct pg_place *p, const PQconninfoOption *o, struct err *e)
{
    const char *host = said(o, "host"), *hostaddr = said(o, "hostaddr"), *port = said(o, "port");
    const char *list = hostaddr && *hostaddr ? hostaddr : host ? host : "";
    if (count(list) > PG_HOSTS)
        return err_set(e, ERR_CONFIG, 0, "the place of the error database: more than %d hosts", PG_HOSTS);
    for (; p->n_hosts < count(list); p->n_hosts++) {
        struct pg_host *h = &p->hosts[p->n_hosts];
        size_t i = p->n_hosts;
        char *address = hostaddr ? part(hostaddr, i) : x_strdup("");
        h->name = host ? part(host, i) : x_strdup("");
        h->port = port ? part(port, i) : x_strdup("");
        const char *numeric = *address ? address : is_numeric(h->name) ? h->name : "";
        if (*numeric && strlen(numeric) < sizeof h->addresses[0])
            memcpy(h->addresses[h->n++], numeric, strlen(numeric) + 1);
        h->must_resolve = !h->n && !is_socket(h->name);
        free(address);
    }
    return ERR_OK;
}

/* ---- parameters ---- */

static void set(struct pg_place *p, const char *keyword, const char *value)
{
    if (p->n == PG_PARAMS - 4)
        return;
    p->keywords[p->n] = x_strdup(keyword);
    p->values[p->n++] = x_strdup(value);
}

static const char *system_cas(void)
{
    static const char *const files[] = { "/etc/ssl/certs/ca-certificates.crt",
                                         "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem" };
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        if (access(files[i], R_OK) == 0)
            return files[i];
    }
    return NULL;
}

static bool has_own_cas(void)
{
    const char *home = getenv("HOME");
    char path[1024];
    snprintf(path, sizeof path, "%s/.postgresql/root.crt", home ? home : "");
    return access(path, R_OK) == 0;
}

/* libpq's own default, "prefer", is no word of anybody's: it would send a password to whoever answers. */
static void choose_tls(struct pg_place *p, const PQconninfoOption *place, const PQconninfoOption *all)
{
    bool is_remote = false;
    const char *mode = said(all, "sslmode");
    for (size_t i = 0; i < p->n_hosts; i++)
        is_remote |= !is_here(*p->hosts[i].name || !p->hosts[i].n ? p->hosts[i].name
                                                                  : p->hosts[i].addresses[0]);
    bool is_said = said(place, "sslmode") || getenv("PGSSLMODE") || (mode && !text_eq(mode, "prefer"));
    if (is_remote && !is_said)
        mode = "verify-full";
    set(p, "sslmode", mode ? mode : "prefer");
    const char *cas = said(all, "sslrootcert");
    if (cas && *cas)
        set(p, "sslrootcert", cas);
    else if (text_starts(mode ? mode : "", "verify-") && !has_own_cas() && system_cas())
        set(p, "sslrootcert", system_cas());
}

static bool is_ours(const char *keyword)
{
    static const char *const ours[] = { "host", "hostaddr", "port", "sslmode", "sslrootcert", "service",
                                        "client_encoding", "connect_timeout", "replication" };
    for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
        if (text_eq(ours[i], keyword))
            return true;
    }
    return false;
}

static void learn_params(struct pg_place *p, const PQconninfoOption *place, const PQconninfoOption *all)
{
    static const char *const defaults[][2] = {
        { "keepalives", "1" }, { "keepalives_idle", "10" }, { "keepalives_interval", "3" },
        { "keepalives_count", "3" }, { "tcp_user_timeout", "10000" },
        { "fallback_application_name", "bakewatch" },
    };
    for (const PQconninfoOption *o = all; o->keyword; o++) {
        if (!o->val || !*o->val || is_ours(o->keyword))
            continue;
        if (text_eq(o->keyword, "gssencmode")) /* "bogus" was ours */
            set(p, "gssencmode", said(place, "gssencmode") ? said(place, "gssencmode") : "disable");
        else
            set(p, o->keyword, o->val);
        if (text_eq(o->keyword, "password") || text_eq(o->keyword, "sslpassword"))
            log_secret(o->val);
    }
    for (size_t i = 0; i < ARRAY_LEN(defaults); i++) {
        const char *v = said(all, defaults[i][0]);
        if (!v || !*v)
            set(p, defaults[i][0], defaults[i][1]);
    }
    set(p, "client_encoding", "UTF8");
    choose_tls(p, place, all);
}

/* A start that fails before the network, after libpq has read whatever it reads: then it can be asked. */
enum err_code pg_place_learn(const char *place, struct pg_place *out, struct err *e)
{
    static const char *const keywords[] = { "dbname", "gssencmode", NULL };
    const char *values[] = { place, "bogus", NULL };
    PGconn *conn = PQconnectStartParams(keywords, values, 1);
    PQconninfoOption *all = conn ? PQconninfo(conn) : NULL, *said_here = PQconninfoParse(place, NULL);
    enum err_code rc = ERR_OK;
    *out = (struct pg_place){ 0 };
    if (!all || !said_here)
        rc = err_set(e, ERR_CONFIG, 0, "the place of the error database cannot be read");
    else if (!strstr(PQerrorMessage(conn), "gssencmode"))
        rc = refuse(e, PQerrorMessage(conn));
    else if (!(rc = learn_hosts(out, all, e)))
        learn_params(out, said_here, all);
    if (rc)
        pg_place_release(out);
    PQconninfoFree(all);
    PQconninfoFree(said_here);
    PQfinish(conn);
    return rc;
}

void pg_place_release(struct pg_place *p)
{
    for (size_t i = 0; i < p->n; i++) {
        if (text_eq(p->keywords[i], "password"))
            explicit_bzero(p->values[i], strlen(p->values[i]));
        free(p->keywords[i]);
        free(p->values[i]);
    }
    for (size_t i = 0; i < p->n_hosts; i++) {
        free(p->hosts[i].name);
        free(p->hosts[i].port);
    }
    *p = (struct pg_place){ 0 };
}

static void list_add(struct buf *list, bool first, const char *s)
{
    buf_addf(list, "%s%s", first ? "" : ",", s);
}

PGconn *pg_place_connect(const struct pg_place *p, size_t first, size_t *n)
{
    struct {
        const struct pg_host *host;
        const char *address;
    } entries[PG_HOSTS * RESOLVE_ADDRESSES];
    struct buf hosts = BUF_INIT(65536), addresses = BUF_INIT(65536), ports = BUF_INIT(65536);
    const char *keywords[PG_PARAMS + 4], *values[PG_PARAMS + 4];
    size_t k = 0;
    *n = 0;
    for (size_t i = 0; i < p->n_hosts; i++) {
        const struct pg_host *h = &p->hosts[i];
        for (size_t j = 0; j < h->n; j++) {
            entries[*n].host = h;
            entries[(*n)++].address = h->addresses[j];
        }
        if (!h->n && !h->must_resolve) {
            entries[*n].host = h;
            entries[(*n)++].address = "";
        }
    }
    for (size_t i = 0; i < *n; i++) {
        size_t at = (first + i) % *n;
        list_add(&hosts, !i, entries[at].host->name);
        list_add(&addresses, !i, entries[at].address);
        list_add(&ports, !i, entries[at].host->port);
    }
    for (; k < p->n; k++) {
        keywords[k] = p->keywords[k];
        values[k] = p->values[k];
    }
    const char *more[][2] = { { "host", buf_str(&hosts) }, { "hostaddr", buf_str(&addresses) },
                              { "port", buf_str(&ports) } };
    for (size_t i = 0; i < ARRAY_LEN(more); i++, k++) {
        keywords[k] = more[i][0];
        values[k] = more[i][1];
    }
    keywords[k] = values[k] = NULL;
    PGconn *conn = PQconnectStartParams(keywords, values, 0);
    buf_release(&hosts);
    buf_release(&addresses);
    buf_release(&ports);
    return conn;
}

static const char *param(const struct pg_place *p, const char *keyword)
{
    for (size_t i = 0; i < p->n; i++) {
        if (text_eq(p->keywords[i], keyword))
            return p->values[i];
    }
    return "";
}

char *pg_place_name(const struct pg_place *p, const PGconn *conn)
{
    const char *host = conn ? PQhost(conn) : p->n_hosts ? p->hosts[0].name : "";
    const char *port = conn ? PQport(conn) : p->n_hosts ? p->hosts[0].port : "";
    return x_asprintf("postgresql %s%s%s:%s/%s", param(p, "user"), *param(p, "user") ? "@" : "",
                      host && *host ? host : "local", port && *port ? port : "5432", param(p, "dbname"));
}
