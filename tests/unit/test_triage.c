/* What one error is: severity, category, masked message, fingerprint, and what the process wants next. */
#include "tests/unit/unit.h"

#include <time.h>

#include "core/judge/triage.h"

static struct triage_rules *rules;

static const char *mask(struct buf *b, const char *message)
{
    buf_clear(b);
    triage_mask(b, message);
    return buf_str(b);
}

static const struct {
    const char *message, *masked;
} masks[] = {
    /* Go */
    { "dial tcp 10.0.12.7:5432: connect: connection refused", "dial tcp <addr>: connect: connection refused" },
    { "dial tcp: lookup payments.shop.svc on 10.96.0.10:53: no such host",
      "dial tcp: lookup payments.shop.svc on <addr>: no such host" },
    { "Get \"https://api.example.org/v1/x?id=42\": context deadline exceeded",
      "Get <str>: context deadline exceeded" },
    { "x509: certificate has expired or is not yet valid: current time 2026-11-24T10:00:00Z is after 2026-11-01T00:00:00Z",
      "x509: certificate has expired or is not yet valid: current time <time> is after <time>" },
    { "http: TLS handshake error from [2001:db8::17]:51122: EOF", "http: TLS handshake error from <addr>: EOF" },
    { "request took 1m30.5s, limit 30s", "request took <n>, limit <n>" },
    { "2026/11/24 10:00:01 worker 7 exited", "<time> worker <n> exited" },
    { "runtime error: index out of range [5] with length 3", "runtime error: index out of range [<n>] with length <n>" },
    { "invalid memory address or nil pointer dereference [signal 0xb code=0x1 addr=0x18 pc=0x4a2b1c]",
      "invalid memory address or nil pointer dereference [signal <hex> code=<hex> addr=<hex> pc=<hex>]" },
    { "listen tcp :8080: bind: address already in use", "listen tcp :<n>: bind: address already in use" },
    /* PostgreSQL and other databases */
    { "duplicate key value violates unique constraint \"orders_pkey\"",
      "duplicate key value violates unique constraint <str>" },
    { "relation \"users\" does not exist at character 15", "relation <str> does not exist at character <n>" },
    { "FATAL: password authentication failed for user \"ops\"", "FATAL: password authentication failed for user <str>" },
    { "Key (id)=(4711) already exists.", "Key (id)=(<n>) already exists." },
    { "deadlock detected: Process 9712 waits for ShareLock on transaction 88123; blocked by process 9713.",
      "deadlock detected: Process <n> waits for ShareLock on transaction <n>; blocked by process <n>." },
    { "MISCONF Redis is configured to save RDB snapshots", "MISCONF Redis is configured to save RDB snapshots" },
    { "Error 1205 (HY000): Lock wait timeout exceeded", "Error <n> (HY<n>): Lock wait timeout exceeded" },
    /* Python */
    { "KeyError: 'DATABASE_URL'", "KeyError: <str>" },
    { "ModuleNotFoundError: No module named 'psycopg2'", "ModuleNotFoundError: No module named <str>" },
    { "HTTPSConnectionPool(host='api.example.org', port=443): Read timed out. (read timeout=10)",
      "HTTPSConnectionPool(host=<str>, port=<n>): Read timed out. (read timeout=<n>)" },
    { "can't adapt type 'UUID' in user's row 12", "can't adapt type <str> in user's row <n>" },
    { "<Task pending name='Task-12' coro=<run() running at /app/main.py:88>>",
      "<Task pending name=<str> coro=<run() running at /app/main.py:<n>>>" },
    { "invalid literal for int() with base 10: '12a'", "invalid literal for int() with base <n>: <str>" },
    /* Java */
    { "java.sql.SQLTransientConnectionException: HikariPool-1 - Connection is not available, request timed out after 30000ms.",
      "java.sql.SQLTransientConnectionException: HikariPool-<n> - Connection is not available, request timed out after <n>." },
    { "Cannot invoke \"Order.getId()\" because \"order\" is null", "Cannot invoke <str> because <str> is null" },
    { "No bean named 'dataSource' available", "No bean named <str> available" },
    { "com.example.Order@1b6d3586 is not serializable", "com.example.Order@<hex> is not serializable" },
    /* Node */
    { "connect ECONNREFUSED 127.0.0.1:6379", "connect ECONNREFUSED <addr>" },
    { "getaddrinfo ENOTFOUND db-1.internal", "getaddrinfo ENOTFOUND db-<n>.internal" },
    { "Request failed with status code 503", "Request failed with status code <n>" },
    { "Cannot read properties of undefined (reading 'total')", "Cannot read properties of undefined (reading <str>)" },
    /* Kubernetes */
    { "Back-off restarting failed container app in pod payment-api-7d9f8b6c5-hvzlq_shop(0f0e3f1a-6a3c-4e4c-9d55-0d3f6f1f2a77)",
      "Back-off restarting failed container app in pod payment-api-<id>_shop(<uuid>)" },
    { "pod node-agent-x2x4z on ip-10-0-3-17.ec2.internal evicted",
      "pod node-agent-<id> on ip-<n>-<n>-<n>-<n>.ec<n>.internal evicted" },
    { "Readiness probe failed: HTTP probe failed with statuscode: 503",
      "Readiness probe failed: HTTP probe failed with statuscode: <n>" },
    { "Failed to pull image \"registry.example.org/pay:1.9.0\": manifest unknown",
      "Failed to pull image <str>: manifest unknown" },
    { "0/12 nodes are available: 12 Insufficient cpu.", "<n>/<n> nodes are available: <n> Insufficient cpu." },
    { "container limit 512Mi, used 511.8MiB (99.96%)", "container limit <n>, used <n> (<n>%)" },
    /* proxies and web */
    { "connect() failed (111: Connection refused) while connecting to upstream, client: 10.1.2.3, server: _, request: \"GET /x HTTP/1.1\"",
      "connect() failed (<n>: Connection refused) while connecting to upstream, client: <addr>, server: _, request: <str>" },
    { "GET /orders/4711/items?page=2&size=50 500 in 1.2s", "GET /orders/<n>/items?page=<n>&size=<n> <n> in <n>" },
    { "rate limit: 1,234 of 1,000 requests, 5xx 12%", "rate limit: <n> of <n> requests, <n>xx <n>%" },
    { "user=alice id=42 trace=4bf92f3577b34da6a3ce929d0e0e4736 retry=true: gave up",
      "user=<str> id=<n> trace=<hex> retry=<str>: gave up" },
    { "session 3f2504e0-4f89-41d3-9a0c-0305e82c3301 expired", "session <uuid> expired" },
    { "commit deadbeefcafe, sha256:9f86d081884c7d65, version v1.2.3-rc1",
      "commit <hex>, sha256:<hex>, version v<n>-rc<n>" },
    { "{\"level\":\"error\",\"code\":5003,\"msg\":\"lost \\\"x\\\" again\"}",
      "{\"level\":<str>,\"code\":<n>,\"msg\":<str>}" },
    { "link 00:1a:2b:3c:4d:5e down since 10:20:30.123", "link <addr> down since <time>" },
    { "job 9f8a7kq2 of queue mail-3 failed", "job <id> of queue mail-<n> failed" },
    { "a == b, c != d, e => f, g >= 5", "a == b, c != d, e => f, g >= <n>" },
    { "std::bad_alloc: what(): std::bad_alloc", "std::bad_alloc: what(): std::bad_alloc" },
    { "undefined method `total' for nil", "undefined method `total' for nil" },
    { "an unclosed \"quote at line 3", "an unclosed \"quote at line <n>" },
    { "Größe 3 überschritten, Zugriff für M\xc3\xbcller verweigert", "Größe <n> überschritten, Zugriff für M\xc3\xbcller verweigert" },
    { "bytes \xff\xfe 7 \x1b[31m", "bytes \xff\xfe <n> \x1b[<n>" },
    { "Foo::1 at :1::2", "Foo::<n> at :<n>::<n>" },
    { "", "" },
    { "=", "=" },
};

static void messages_are_masked(void **state)
{
    (void)state;
    struct buf one = BUF_INIT(65536), two = BUF_INIT(65536);
    for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
        if (strcmp(mask(&one, masks[i].message), masks[i].masked) != 0)
            fail_msg("%s\n is     %s\n not    %s", masks[i].message, buf_str(&one), masks[i].masked);
        if (strcmp(mask(&two, buf_str(&one)), masks[i].masked) != 0)
            fail_msg("twice: %s\n is     %s", masks[i].masked, buf_str(&two));
    }
    buf_release(&one);
    buf_release(&two);
}

/* Texts that once were, or could be, masked differently the second time. */
static void masking_twice_changes_nothing(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "'abc'1", "12345::ec2", "worker3abcdefab", "1,<n>.5", "a=b=c", "x=5.abc", "x=[::1]:80", "<n>::1",
        "\"a x=\\\" y", "'a' 'b'c 'd", "`foo' \"bar", "x='", "=\"=\"=", "{\"a\"::1}", "a=:b=::", "5=5", "<<n>>=5",
        "abcdefab-abcd-abcd-abcd-abcdefabcdef", "zz::1", "::ec2:12345", "1h30m0s-1.5h.3x", "-deadbeef12-bcdfg-x",
        "a-deadbeef1-bcdfg", "<str", "n>5<", ",\"k2.\" ::0\"x", "{,\"k1\" :2}",
    };
    struct buf one = BUF_INIT(65536), two = BUF_INIT(65536);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        mask(&one, texts[i]);
        assert_string_equal(mask(&two, buf_str(&one)), buf_str(&one));
        assert_true(one.len <= 3 * strlen(texts[i]));
    }
    buf_release(&one);
    buf_release(&two);
}

static int64_t mask_us(const char *unit, size_t n)
{
    struct buf in = BUF_INIT(16 * 1024 * 1024), out = BUF_INIT(64 * 1024 * 1024);
    struct timespec a, b;
    while (in.len < n)
        buf_adds(&in, unit);
    clock_gettime(CLOCK_MONOTONIC, &a);
    triage_mask(&out, buf_str(&in));
    clock_gettime(CLOCK_MONOTONIC, &b);
    buf_release(&in);
    buf_release(&out);
    return (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000;
}

/* 8 times as long takes 8 times as long: 32 leaves room for a busy machine, quadratic would be 64. */
static void masking_is_linear(void **state)
{
    (void)state;
    static const char *const units[] = { "'a ", "\"", "`'", "=::", "a=:", "1.", "::1", "-deadbeef1", "{ ", "[", "' 'x" };
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        int64_t less = mask_us(units[i], 64 * 1024), more = mask_us(units[i], 512 * 1024);
        if (more > 32 * (less + 1000))
            fail_msg("\"%s\": %d us for 64 KiB, %d us for 512 KiB", units[i], (int)less, (int)more);
    }
}

static void severities(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum severity severity;
    } rows[] = {
        { "CRITICAL", SEVERITY_CRITICAL }, { " Critical ", SEVERITY_CRITICAL }, { "[FATAL]", SEVERITY_CRITICAL },
        { "p1", SEVERITY_CRITICAL }, { "SEV-1", SEVERITY_CRITICAL }, { "Emergency", SEVERITY_CRITICAL },
        { "HIGH", SEVERITY_HIGH }, { "error", SEVERITY_HIGH }, { "Err:", SEVERITY_HIGH }, { "sev2", SEVERITY_HIGH },
        { "medium", SEVERITY_MEDIUM }, { "WARN", SEVERITY_MEDIUM }, { "warning", SEVERITY_MEDIUM },
        { "low", SEVERITY_LOW }, { "Info", SEVERITY_LOW }, { "P4", SEVERITY_LOW }, { "", SEVERITY_OTHER },
        { "--", SEVERITY_OTHER }, { "urgent", SEVERITY_OTHER }, { "high-ish", SEVERITY_OTHER },
        { "critically", SEVERITY_OTHER }, { "7", SEVERITY_OTHER },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        if (triage_severity(rows[i].text) != rows[i].severity)
            fail_msg("\"%s\" is %s", rows[i].text, severity_name(triage_severity(rows[i].text)));
    }
}

static const struct {
    const char *code, *message;
    enum category category;
    const char *why;
} categories[] = {
    { "NET-001", "x", CATEGORY_NETWORK, "code prefix NET" },
    { "net12", "x", CATEGORY_NETWORK, "code prefix NET" },
    { "ERR_NET_12", "x", CATEGORY_NETWORK, "code prefix NET" },
    { "NETS-1", "x", CATEGORY_OTHER, NULL },
    { "NET", "x509: certificate signed by unknown authority", CATEGORY_NETWORK, "code prefix NET" },
    { "CFG-7", "", CATEGORY_CONFIGURATION, NULL }, { "CONF_MISSING", "", CATEGORY_CONFIGURATION, NULL },
    { "ENV-1", "", CATEGORY_CONFIGURATION, NULL }, { "DEP-9", "", CATEGORY_DEPENDENCY, NULL },
    { "UPSTREAM_5XX", "", CATEGORY_DEPENDENCY, NULL }, { "OOM", "", CATEGORY_RESOURCE, NULL },
    { "OOMKilled", "", CATEGORY_RESOURCE, NULL }, { "DISK-1", "", CATEGORY_RESOURCE, NULL },
    { "QUOTA1", "", CATEGORY_RESOURCE, NULL }, { "TMO-3", "", CATEGORY_NETWORK, NULL },
    { "DNS-3", "", CATEGORY_NETWORK, NULL }, { "ECONNREFUSED", "", CATEGORY_NETWORK, NULL },
    { "AUTH-401", "", CATEGORY_SECURITY, NULL }, { "TLS-2", "", CATEGORY_SECURITY, NULL },
    { "PERM-1", "", CATEGORY_SECURITY, NULL }, { "PERF-1", "", CATEGORY_PERFORMANCE, NULL },
    { "LAT-95", "", CATEGORY_PERFORMANCE, NULL },
    { "", "dial tcp 10.0.0.1:5432: connect: connection refused", CATEGORY_NETWORK, NULL },
    { "", "dial tcp: lookup db: no such host", CATEGORY_NETWORK, NULL },
    { "", "read tcp 10.0.0.1:1->10.0.0.2:2: i/o timeout", CATEGORY_NETWORK, NULL },
    { "", "net/http: TLS handshake timeout", CATEGORY_NETWORK, NULL },
    { "", "Request timed out", CATEGORY_NETWORK, "message has \"timed out\"" },
    { "", "connect() failed (111: Connection refused) while connecting to upstream", CATEGORY_NETWORK, NULL },
    { "", "upstream connect error or disconnect/reset before headers", CATEGORY_DEPENDENCY, NULL },
    { "", "Request failed with status code 503", CATEGORY_DEPENDENCY, NULL },
    { "", "504 Gateway Timeout", CATEGORY_DEPENDENCY, NULL },
    { "", "ModuleNotFoundError: No module named 'yaml'", CATEGORY_DEPENDENCY, NULL },
    { "", "java.lang.OutOfMemoryError: Java heap space", CATEGORY_RESOURCE, NULL },
    { "", "write /data/x: no space left on device", CATEGORY_RESOURCE, NULL },
    { "", "accept4: too many open files", CATEGORY_RESOURCE, NULL },
    { "", "QueuePool limit of size 5 overflow 10 reached, connection timed out", CATEGORY_RESOURCE, NULL },
    { "", "x509: certificate has expired", CATEGORY_SECURITY, NULL },
    { "", "open /etc/ssl/key.pem: permission denied", CATEGORY_SECURITY, NULL },
    { "", "password authentication failed for user \"ops\"", CATEGORY_SECURITY, NULL },
    { "", "pods is forbidden: User cannot list resource", CATEGORY_SECURITY, NULL },
    { "", "missing environment variable DATABASE_URL", CATEGORY_CONFIGURATION, NULL },
    { "", "open /etc/app/config.yaml: no such file or directory", CATEGORY_CONFIGURATION, NULL },
    { "", "configmap \"app\" not found", CATEGORY_CONFIGURATION, NULL },
    { "", "cannot load config from consul: connection refused", CATEGORY_NETWORK, NULL },
    { "", "invalid value in config section http", CATEGORY_CONFIGURATION, NULL },
    { "", "slow query: 5.3 s", CATEGORY_PERFORMANCE, NULL },
    { "", "context deadline exceeded", CATEGORY_PERFORMANCE, NULL },
    { "", "p95 latency above 200ms", CATEGORY_PERFORMANCE, NULL },
    { "E_OUT_OF_SHAPE", "index out of range", CATEGORY_OTHER, "no rule matched" },
    { "Out of memory", "killed", CATEGORY_RESOURCE, "code has \"Out of memory\"" },
    { "", "", CATEGORY_OTHER, "no rule matched" },
};

static void categories_by_code_then_message(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(categories); i++) {
        char why[96] = "";
        enum category c = triage_category(rules, categories[i].code, categories[i].message, why);
        if (c != categories[i].category || (categories[i].why && strcmp(why, categories[i].why) != 0))
            fail_msg("%s %s: %s by %s", categories[i].code, categories[i].message, category_name(c), why);
        assert_true(why[0]);
    }
}

static void the_users_rules_come_first(void **state)
{
    (void)state;
    static const struct triage_rule user[] = {
        { "card (was )?declined", NULL, CATEGORY_DEPENDENCY },
        { NULL, "PAY-1", CATEGORY_PERFORMANCE },
        { NULL, "NET", CATEGORY_SECURITY },
        { "^(a?){20}a{20}$", NULL, CATEGORY_OTHER },
        { "stra\xc3\x9f" "e|GR\xc3\x96SSE", NULL, CATEGORY_RESOURCE },
    };
    struct triage_rules *r;
    struct err e = { 0 };
    char why[96];
    assert_int_equal(triage_rules_new(user, ARRAY_LEN(user), &r, &e), ERR_OK);
    assert_int_equal(triage_category(r, "SEC-1", "Card declined", why), CATEGORY_DEPENDENCY);
    assert_string_equal(why, "config rule /card (was )?declined/");
    assert_int_equal(triage_category(r, "PAY-102", "", why), CATEGORY_PERFORMANCE);
    assert_string_equal(why, "config code prefix PAY-1");
    assert_int_equal(triage_category(r, "NET-1", "", NULL), CATEGORY_SECURITY);
    assert_int_equal(triage_category(r, "", "gr\xc3\xb6sse \xff", NULL), CATEGORY_RESOURCE);
    /* a pattern that takes a million steps to match is given up */
    assert_int_equal(triage_category(r, "DNS-1", "aaaaaaaaaaaaaaaaaaaa", why), CATEGORY_NETWORK);
    triage_rules_free(r);
    static const struct triage_rule bad[] = { { "fine", NULL, CATEGORY_OTHER }, { "a(b", NULL, CATEGORY_OTHER } };
    assert_int_equal(triage_rules_new(bad, 2, &r, &e), ERR_CONFIG);
    assert_string_equal(e.text, "pattern \"a(b\": missing closing parenthesis at character 4");
    assert_int_equal(triage_rules_new(NULL, TRIAGE_RULES + 1, &r, &e), ERR_LIMIT);
    triage_rules_free(NULL);
}

static uint64_t print_of(const char *service, const char *code, const char *message, const char *stack)
{
    struct error_row *row = error_row_new();
    row->service = service;
    row->code = code;
    row->message = message;
    row->stack = stack;
    row->severity_text = "crit";
    struct triage t;
    triage_row(rules, row, &t);
    triage_judge(rules, row);
    assert_true(row->fingerprint == t.fingerprint && row->category == t.category &&
                row->severity == SEVERITY_CRITICAL && t.severity == SEVERITY_CRITICAL);
    error_row_unref(row);
    return t.fingerprint;
}

#define SAME(a, b) assert_true(print_of("pay", "E1", "m", a) == print_of("pay", "E1", "m", b))
#define DIFFER(a, b) assert_true(print_of("pay", "E1", "m", a) != print_of("pay", "E1", "m", b))

static void fingerprints(void **state)
{
    (void)state;
    uint64_t one = print_of("pay", "NET-1", "refused by 10.0.0.1:80 after 3 tries", "");
    assert_true(one == print_of("pay", "NET-1", "refused by 10.9.0.1:81 after 4 tries", ""));
    assert_true(one != print_of("cart", "NET-1", "refused by 10.0.0.1:80 after 3 tries", ""));
    assert_true(one != print_of("pay", "NET-2", "refused by 10.0.0.1:80 after 3 tries", ""));
    assert_true(one != print_of("pay", "NET-1", "refused by 10.0.0.1:80", ""));
    assert_true(print_of("ab", "c", "", "") != print_of("a", "bc", "", ""));
    assert_true(print_of("a", "bc", "d", "") != print_of("a", "b", "cd", ""));
    SAME("Traceback (most recent call last):\n  File \"/app/a.py\", line 12, in run\n    x(1)\nKeyError: 'a'",
         "Traceback (most recent call last):\n  File \"/app/a.py\", line 99, in run\n    y(2)\nKeyError: 'b'");
    DIFFER("  File \"/app/a.py\", line 12, in run\n", "  File \"/app/a.py\", line 12, in stop\n");
    SAME("java.lang.X: 1\n\tat a.B.c(B.java:12)\n\tat a.D.e(D.java:1)\n", "java.lang.X: 2\r\n\tat a.B.c(B.java:15)\r\n\tat a.D.e(D.java:7)\r\n");
    DIFFER("\tat a.B.c(B.java:12)\n", "\tat a.B.d(B.java:12)\n");
    SAME("Error: x\n    at Object.<anonymous> (/app/x.js:10:5)\n", "Error: y\n    at Object.<anonymous> (/app/x.js:11:7)\n");
    SAME("goroutine 1 [running]:\nmain.f(0xc000012)\n\t/app/main.go:42 +0x1d\n", "goroutine 9 [running]:\nmain.f(0xc000099)\n\t/app/main.go:43 +0x2f\n");
    DIFFER("\t/app/main.go:42 +0x1d\n", "\t/app/other.go:42 +0x1d\n");
    SAME("#0  0x00007f2a11 in main () at x.c:12\n", "#0  0x00007f2b99 in main () at x.c:13\n");
    SAME("./prog(main+0x1d) [0x4005d3]\n", "./prog(main+0x1f) [0x4005d9]\n");
    DIFFER("#0  0x1 in main () at x.c:12\n", "#0  0x1 in start () at x.c:12\n");
    /* the frames at the top alone: what is below them is how we got there */
    SAME("at a\nat b\nat c\nat d\nat e\nat f\n", "at a\nat b\nat c\nat d\nat e\nat g\n");
    DIFFER("at a\nat b\nat c\nat d\nat e\n", "at a\nat b\nat c\nat d\nat f\n");
}

static void the_process_has_a_clock(void **state)
{
    (void)state;
    const int64_t at = 1000000;
    struct error_done steps[N_STEPS];
    for (int i = 0; i < N_STEPS; i++)
        steps[i] = (struct error_done){ .at_ms = TIME_NONE };
#define DUE(severity, resolved, steps, what, when)                                                 \
    do {                                                                                           \
        struct error_clock c = triage_clock(severity, at, resolved, steps);                        \
        assert_int_equal(c.due, what);                                                             \
        assert_true(c.due_ms == (when));                                                           \
    } while (0)
    DUE(SEVERITY_CRITICAL, false, NULL, DUE_RESPONSE, at + 5 * 60000);
    DUE(SEVERITY_CRITICAL, false, steps, DUE_RESPONSE, at + 5 * 60000);
    DUE(SEVERITY_HIGH, false, NULL, DUE_INVESTIGATION, at + 3600000);
    DUE(SEVERITY_OTHER, false, steps, DUE_INVESTIGATION, at + 3600000);
    DUE(SEVERITY_CRITICAL, true, NULL, DUE_NOTHING, TIME_NONE);
    steps[STEP_ACKNOWLEDGED].at_ms = at + 1;
    DUE(SEVERITY_CRITICAL, false, steps, DUE_INVESTIGATION, at + 3600000);
    DUE(SEVERITY_LOW, false, steps, DUE_INVESTIGATION, at + 3600000);
    steps[STEP_ACKNOWLEDGED].at_ms = TIME_NONE;
    steps[STEP_INVESTIGATED].at_ms = at + 2; /* stands for the response too */
    DUE(SEVERITY_CRITICAL, false, steps, DUE_PLAN, at + 4 * 3600000);
    steps[STEP_PLANNED].at_ms = at + 3;
    DUE(SEVERITY_MEDIUM, false, steps, DUE_IMPLEMENTATION, at + 24 * 3600000);
    steps[STEP_IMPLEMENTED].at_ms = at + 4;
    DUE(SEVERITY_CRITICAL, false, steps, DUE_NOTHING, TIME_NONE);
    assert_true(triage_clock(SEVERITY_HIGH, TIME_NONE, false, NULL).due_ms == TIME_NONE);
    assert_true(triage_clock(SEVERITY_HIGH, INT64_MAX - 1, false, NULL).due_ms == TIME_NONE);
}

/* What a row costs; printed, for the budget of 2,000 rows a second. */
static void cost_of_a_row(void **state)
{
    (void)state;
    struct timespec a, b;
    struct error_row *row = error_row_new();
    row->service = "pay";
    row->severity_text = "HIGH";
    row->stack = "\tat a.B.c(B.java:12)\n\tat a.D.e(D.java:1)\n";
    enum { ROWS = 20000 };
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (int i = 0; i < ROWS; i++) {
        row->message = masks[i % (int)ARRAY_LEN(masks)].message;
        triage_judge(rules, row);
    }
    clock_gettime(CLOCK_MONOTONIC, &b);
    printf("triage: %.1f us a row\n",
           ((double)(b.tv_sec - a.tv_sec) * 1e6 + (double)(b.tv_nsec - a.tv_nsec) / 1e3) / ROWS);
    error_row_unref(row);
}

static int begin(void **state)
{
    (void)state;
    struct err e = { 0 };
    return triage_rules_new(NULL, 0, &rules, &e) ? -1 : 0;
}

static int end(void **state)
{
    (void)state;
    triage_rules_free(rules);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_are_masked),
        cmocka_unit_test(masking_twice_changes_nothing),
        cmocka_unit_test(masking_is_linear),
        cmocka_unit_test(severities),
        cmocka_unit_test(categories_by_code_then_message),
        cmocka_unit_test(the_users_rules_come_first),
        cmocka_unit_test(fingerprints),
        cmocka_unit_test(the_process_has_a_clock),
        cmocka_unit_test(cost_of_a_row),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
