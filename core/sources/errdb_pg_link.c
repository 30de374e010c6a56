#include "core/sources/errdb_pg_link.h"

#include <assert.h>
#include <poll.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/loop/backoff.h"
#include "core/sources/errdb_pg_place.h"

enum { DRIP = 12 /* deadlines that one statement may take while bytes keep coming */ };
enum { ROLLBACK_MS = 5000, REFUSED_MS = 60000 };
enum step { WAITING, RESOLVING, CONNECTING, IDLE, BUSY, ROLLING_BACK };

struct name_wait { /* a host that is being resolved */
    struct pg_link *link;
    struct resolve *resolve;
};

struct pg_link {
    struct loop *loop;
    struct pg_link_spec spec;
    char *place_text;
    enum step step;
    struct pg_place place;
    struct name_wait names[PG_HOSTS];
    size_t n_resolving;
    PGconn *conn;
    PostgresPollingStatusType wants; /* CONNECTING */
    bool must_flush;                 /* BUSY: not all of it is sent */
    struct loop_watch watch;
    struct loop_timer timer; /* WAITING: the next try; else the deadline */
    struct backoff backoff;
    size_t first, n_entries, n_tried; /* which address is in front; tries since the last backoff */
    int64_t retry_ms, deadline_ms, sent_ms;
    struct err e;
    char *source;
    uint64_t statements;
    struct pg_answer answer;
    void (*on_answer)(void *ctx, const struct pg_answer *a);
    void *answer_ctx;
};

static void begin(struct pg_link *k);

/* libpq's words in one line, without "FATAL:  " in front. */
static void take_words(struct err *e, enum err_code code, const char *words)
{
    char line[sizeof e->text];
    size_t n = 0;
    for (const char *p = words; *p && n + 1 < sizeof line; p++) {
        bool blank = *p == '\n' || *p == '\t' || *p == ' ';
        if (!blank || (n && line[n - 1] != ' '))
            line[n++] = blank ? ' ' : *p;
    }
    while (n && line[n - 1] == ' ')
        n--;
    line[n] = '\0';
    const char *text = line;
    (void)(text_skip(&text, "ERROR: ") || text_skip(&text, "FATAL: "));
    err_set(e, code, 0, "%s", *text ? text : "the connection was lost");
}

static void drop_answer(struct pg_link *k)
{
    for (size_t i = 0; i < k->answer.n; i++)
        PQclear(k->answer.rows[i]);
    k->answer = (struct pg_answer){ 0 };
}

static void deliver(struct pg_link *k)
{
    void (*on_answer)(void *, const struct pg_answer *) = k->on_answer;
    struct pg_answer a = k->answer;
    if (!on_answer)
        return;
    k->on_answer = NULL;
    k->answer = (struct pg_answer){ 0 };
    on_answer(k->answer_ctx, &a);
    for (size_t i = 0; i < a.n; i++)
        PQclear(a.rows[i]);
}

static void stop_resolving(struct pg_link *k)
{
    for (size_t i = 0; i < PG_HOSTS; i++) {
        resolve_cancel(k->names[i].resolve);
        k->names[i].resolve = NULL;
    }
    k->n_resolving = 0;
}

static void close_connection(struct pg_link *k)
{
    loop_watch_remove(k->loop, &k->watch);
    loop_timer_stop(k->loop, &k->timer);
    stop_resolving(k);
    PQfinish(k->conn);
    k->conn = NULL;
    pg_place_release(&k->place);
    k->step = WAITING;
}

/* The connection, or the try, is over: k->e says why. */
static void lose(struct pg_link *k)
{
    bool was_up = k->step >= IDLE;
    close_connection(k);
    int64_t wait = 0;
    if (was_up || ++k->n_tried >= k->n_entries) {
        wait = backoff_next_ms(&k->backoff);
        k->n_tried = 0;
    }
    if (k->e.code == ERR_AUTH || k->e.code == ERR_CONFIG)
        wait = REFUSED_MS / 2 + backoff_random(REFUSED_MS / 2);
    log_put(LOG_INFO, "errors", "%s: %s", k->source ? k->source : "postgresql", k->e.text);
    k->retry_ms = clock_story_ms() + wait;
    loop_timer_set(k->loop, &k->timer, wait);
    if (k->on_answer) {
        k->answer.is_lost = true;
        k->answer.e = k->e;
        deliver(k);
    }
    k->spec.on_down(k->spec.ctx);
}

/* ---- connecting ---- */

static enum err_code code_of_refusal(const PGconn *conn)
{
    const char *words = PQerrorMessage(conn);
    if (PQconnectionNeedsPassword(conn) || PQconnectionUsedPassword(conn) ||
        strstr(words, "authentication failed") || strstr(words, "no pg_hba.conf entry") ||
        strstr(words, "certificate"))
        return ERR_AUTH;
    return ERR_NET;
}

static void on_connected(struct pg_link *k)
{
    loop_timer_stop(k->loop, &k->timer);
    PQsetnonblocking(k->conn, 1);
    log_secret(PQpass(k->conn) ? PQpass(k->conn) : "");
    free(k->source);
    k->source = pg_place_name(&k->place, k->conn);
    k->step = IDLE;
    k->e = (struct err){ 0 };
    k->n_tried = 0;
    k->retry_ms = TIME_NONE;
    k->spec.on_up(k->spec.ctx);
}

static void poll_connection(struct pg_link *k)
{
    k->wants = PQconnectPoll(k->conn);
    if (k->wants == PGRES_POLLING_OK) {
        on_connected(k);
    } else if (k->wants == PGRES_POLLING_FAILED) {
        take_words(&k->e, code_of_refusal(k->conn), PQerrorMessage(k->conn));
        k->n_tried = k->n_entries; /* libpq went through the list */
        lose(k);
    }
}

static void on_notice(void *ctx, const char *text)
{
    struct pg_link *k = ctx;
    if (k->spec.on_notice)
        k->spec.on_notice(k->spec.ctx, text);
    else
        log_put(LOG_DEBUG, "errors", "server: %s", text);
}

static void connect_now(struct pg_link *k)
{
    k->conn = pg_place_connect(&k->place, k->first, &k->n_entries);
    if (!k->conn || PQstatus(k->conn) == CONNECTION_BAD) {
        take_words(&k->e, ERR_CONFIG, k->conn ? PQerrorMessage(k->conn) : "out of memory");
        lose(k);
        return;
    }
    PQsetNoticeProcessor(k->conn, on_notice, k);
    k->step = CONNECTING;
    k->wants = PGRES_POLLING_WRITING;
    loop_watch_add(k->loop, &k->watch);
    loop_timer_set(k->loop, &k->timer, LINK_CONNECT_MS);
}

static void resolved_all(struct pg_link *k)
{
    bool any = false;
    for (size_t i = 0; i < k->place.n_hosts; i++)
        any |= k->place.hosts[i].n || !k->place.hosts[i].must_resolve;
    if (any) {
        connect_now(k);
        return;
    }
    k->n_entries = 0;
    lose(k);
}

static void on_resolved(void *ctx, const struct resolved *r)
{
    struct name_wait *w = ctx;
    struct pg_link *k = w->link;
    struct pg_host *h = &k->place.hosts[w - k->names];
    w->resolve = NULL;
    if (r->e.code)
        k->e = r->e;
    memcpy(h->addresses, r->addresses, sizeof h->addresses);
    h->n = r->n;
    if (!--k->n_resolving)
        resolved_all(k);
}

static void begin(struct pg_link *k)
{
    k->retry_ms = TIME_NONE;
    if (pg_place_learn(k->place_text, &k->place, &k->e)) {
        lose(k);
        return;
    }
    if (!k->source)
        k->source = pg_place_name(&k->place, NULL);
    k->step = RESOLVING;
    for (size_t i = 0; i < k->place.n_hosts; i++) {
        if (!k->place.hosts[i].must_resolve)
            continue;
        k->n_resolving++;
        k->names[i] = (struct name_wait){ .link = k };
        k->names[i].resolve = resolve_start(k->loop, k->place.hosts[i].name, on_resolved, &k->names[i]);
    }
    if (!k->n_resolving)
        resolved_all(k);
}

/* ---- a statement group ---- */

static void push(struct pg_link *k)
{
    int rc = PQflush(k->conn);
    k->must_flush = rc > 0;
    if (rc < 0) {
        take_words(&k->e, ERR_NET, PQerrorMessage(k->conn));
        lose(k);
    }
}

static void send_text(struct pg_link *k, const char *sql, int64_t deadline_ms)
{
    k->deadline_ms = deadline_ms;
    k->sent_ms = clock_io_ms();
    loop_timer_set(k->loop, &k->timer, deadline_ms);
    k->statements++;
    if (!PQsendQuery(k->conn, sql)) {
        take_words(&k->e, ERR_NET, PQerrorMessage(k->conn));
        lose(k);
        return;
    }
    push(k);
}

void pg_link_send(struct pg_link *k, const char *sql, int64_t deadline_ms,
                  void (*on_answer)(void *ctx, const struct pg_answer *a), void *ctx)
{
    assert(k->step == IDLE);
    k->on_answer = on_answer;
    k->answer_ctx = ctx;
    k->step = BUSY;
    send_text(k, sql, deadline_ms);
}

static enum err_code code_of_state(const char *sqlstate)
{
    static const struct {
        const char *state;
        enum err_code code;
    } known[] = {
        { "42501", ERR_FORBIDDEN }, { "42P01", ERR_NOTFOUND }, { "42703", ERR_NOTFOUND },
        { "55P03", ERR_BUSY }, { "57014", ERR_TIMEOUT }, { "28", ERR_AUTH }, { "53", ERR_BUSY },
    };
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (text_starts(sqlstate, known[i].state))
            return known[i].code;
    }
    return ERR_SERVER;
}

/* Takes the result. */
static void take_result(struct pg_link *k, PGresult *r)
{
    struct pg_answer *a = &k->answer;
    ExecStatusType s = PQresultStatus(r);
    if (k->step == ROLLING_BACK) {
        PQclear(r);
        return;
    }
    if (s == PGRES_TUPLES_OK && a->n < LINK_RESULTS) {
        a->rows[a->n++] = r;
        return;
    }
    if (s == PGRES_COMMAND_OK && text_eq(PQcmdStatus(r), "COMMIT"))
        a->is_committed = true;
    if ((s == PGRES_FATAL_ERROR || s == PGRES_BAD_RESPONSE) && !a->e.code) {
        const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
        const char *words = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
        snprintf(a->sqlstate, sizeof a->sqlstate, "%s", state ? state : "");
        take_words(&a->e, code_of_state(a->sqlstate), words ? words : PQresultErrorMessage(r));
    }
    PQclear(r);
}

static bool take_notifications(struct pg_link *k)
{
    bool any = false;
    for (PGnotify *n; (n = PQnotifies(k->conn));) {
        any = true;
        PQfreemem(n);
    }
    return any;
}

static void finish_group(struct pg_link *k)
{
    if (PQstatus(k->conn) == CONNECTION_BAD) {
        k->e = k->answer.e.code ? k->answer.e : (struct err){ .code = ERR_NET };
        if (!k->answer.e.code)
            take_words(&k->e, ERR_NET, PQerrorMessage(k->conn));
        lose(k);
        return;
    }
    if (PQtransactionStatus(k->conn) != PQTRANS_IDLE && k->step == BUSY) {
        k->step = ROLLING_BACK;
        send_text(k, "ROLLBACK", ROLLBACK_MS);
        return;
    }
    loop_timer_stop(k->loop, &k->timer);
    k->step = IDLE;
    backoff_reset(&k->backoff);
    bool any = take_notifications(k); /* they came with the answer: no input will announce them */
    deliver(k);
    if (any)
        k->spec.on_notify(k->spec.ctx);
}

static void serve(struct pg_link *k)
{
    while (!PQisBusy(k->conn)) {
        PGresult *r = PQgetResult(k->conn);
        if (!r) {
            finish_group(k);
            return;
        }
        take_result(k, r);
    }
}

static void listen_idle(struct pg_link *k)
{
    bool any = take_notifications(k);
    if (PQstatus(k->conn) == CONNECTION_BAD) {
        take_words(&k->e, ERR_NET, PQerrorMessage(k->conn));
        lose(k);
    } else if (any) {
        k->spec.on_notify(k->spec.ctx);
    }
}

static int want(void *ctx, short *events)
{
    struct pg_link *k = ctx;
    if (k->step == CONNECTING)
        *events = k->wants == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    else
        *events = (short)(POLLIN | (k->must_flush ? POLLOUT : 0));
    return k->conn ? PQsocket(k->conn) : -1;
}

static void ready(void *ctx, int fd, short revents)
{
    struct pg_link *k = ctx;
    (void)fd;
    if (k->step == CONNECTING) {
        poll_connection(k);
        return;
    }
    if (revents & POLLOUT) {
        push(k);
        if (!k->conn)
            return;
    }
    if (!(revents & ~POLLOUT))
        return;
    if (!PQconsumeInput(k->conn)) {
        while (k->step >= BUSY && !PQisBusy(k->conn)) { /* the server's last words */
            PGresult *r = PQgetResult(k->conn);
            if (!r)
                break;
            take_result(k, r);
        }
        k->e = k->answer.e;
        if (!k->e.code)
            take_words(&k->e, ERR_NET, PQerrorMessage(k->conn));
        lose(k);
    } else if (k->step == IDLE) {
        listen_idle(k);
    } else {
        if (clock_io_ms() - k->sent_ms < DRIP * k->deadline_ms) /* it is alive; one that only drips is not */
            loop_timer_set(k->loop, &k->timer, k->deadline_ms);
        serve(k);
    }
}

static void on_timer(void *ctx)
{
    struct pg_link *k = ctx;
    if (k->step == WAITING) {
        begin(k);
        return;
    }
    if (k->step == CONNECTING) {
        const char *at = PQhostaddr(k->conn);
        err_set(&k->e, ERR_TIMEOUT, 0, "%s%s%s does not answer within %d s", PQhost(k->conn),
                at && *at ? " at " : "", at ? at : "", LINK_CONNECT_MS / 1000);
        k->first++;
    } else {
        err_set(&k->e, ERR_TIMEOUT, 0, "no answer in time: the connection is dropped");
    }
    lose(k);
}

/* ---- the contract ---- */

enum err_code pg_link_new(struct loop *l, const struct pg_link_spec *spec, struct pg_link **out,
                          struct err *e)
{
    enum err_code rc = pg_place_check(spec->place, e);
    if (rc)
        return rc;
    struct pg_link *k = x_calloc(1, sizeof *k);
    k->loop = l;
    k->spec = *spec;
    k->place_text = x_strdup(spec->place);
    k->backoff = (struct backoff){ .first_ms = 250, .most_ms = 2500 };
    k->watch = (struct loop_watch){ .want = want, .ready = ready, .ctx = k };
    k->timer = (struct loop_timer){ .fn = on_timer, .ctx = k };
    k->retry_ms = TIME_NONE;
    loop_timer_set(l, &k->timer, 0);
    *out = k;
    return ERR_OK;
}

void pg_link_free(struct pg_link *k)
{
    if (!k)
        return;
    close_connection(k);
    drop_answer(k);
    explicit_bzero(k->place_text, strlen(k->place_text));
    free(k->place_text);
    free(k->source);
    free(k);
}

void pg_link_retry(struct pg_link *k)
{
    if (k->step != WAITING)
        return;
    backoff_reset(&k->backoff);
    loop_timer_set(k->loop, &k->timer, 0);
}

bool pg_link_is_idle(const struct pg_link *k)
{
    return k->step == IDLE;
}

bool pg_link_is_up(const struct pg_link *k)
{
    return k->step >= IDLE;
}

struct pg_link_state pg_link_state(const struct pg_link *k)
{
    return (struct pg_link_state){ .e = k->e, .retry_ms = k->retry_ms, .statements = k->statements,
                                   .source = k->source ? k->source : "postgresql",
                                   .has_more = k->n_tried };
}

int pg_link_backend_pid(const struct pg_link *k)
{
    return k->conn ? PQbackendPID(k->conn) : 0;
}

const char *pg_link_server_encoding(const struct pg_link *k)
{
    const char *s = k->conn ? PQparameterStatus(k->conn, "server_encoding") : NULL;
    return s ? s : "";
}
