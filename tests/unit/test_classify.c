/* `errors classify` as a person or a script runs it: arguments, standard input, table, JSON, config. */
#include "tests/unit/unit.h"

#include <unistd.h>

#include "core/base/json.h"
#include "core/cli/cli.h"
#include "core/model/errors.h"

static char config[] = "/tmp/bakewatch-classify-XXXXXX";
static char printed[65536];
static int status;

static void run(struct options o, const char *input, size_t n_input, const char *const *args)
{
    FILE *in = tmpfile(), *out = tmpfile();
    int old_in = dup(0), old_out = dup(1);
    fwrite(input, 1, n_input, in);
    fflush(in);
    rewind(in);
    fflush(stdout);
    clearerr(stdin);
    dup2(fileno(in), 0);
    dup2(fileno(out), 1);
    o.config_file = config;
    o.environment = "prod"; /* no kubeconfig is looked at */
    o.args = args;
    while (args[o.n_args])
        o.n_args++;
    status = cmd_errors_classify(&o, NULL);
    fflush(stdout);
    fflush(stdin);
    dup2(old_in, 0);
    dup2(old_out, 1);
    close(old_in);
    close(old_out);
    rewind(out);
    printed[fread(printed, 1, sizeof printed - 1, out)] = '\0';
    fclose(in);
    fclose(out);
}

#define ARGS(...) (const char *const[]){ __VA_ARGS__, NULL }
#define NO_ARGS   (const char *const[]){ NULL }

static void has(const char *text)
{
    if (!strstr(printed, text))
        fail_msg("missing \"%s\" in\n%s", text, printed);
}

static void one_message(void **state)
{
    (void)state;
    run((struct options){ .code = "NET-12", .severity = "fatal", .service = "pay" }, "", 0,
        ARGS("dial tcp 10.0.0.1:5432: refused"));
    assert_int_equal(status, EXIT_PASS);
    has("SEVERITY  CATEGORY       FINGERPRINT");
    has("\nCRITICAL  network ");
    has("code prefix NET ");
    has("  dial tcp <addr>: refused\n");
    run((struct options){ .no_headers = true }, "", 0, ARGS("card", "was", "declined\x1b[2J"));
    has("other     dependency ");
    has("config rule /card (was )?declined/");
    assert_null(strstr(printed, "SEVERITY"));
    assert_null(strchr(printed, '\x1b'));
    run((struct options){ .output = OUTPUT_NAME }, "", 0, ARGS("x"));
    assert_int_equal(status, EXIT_USAGE);
}

static void json(void **state)
{
    (void)state;
    struct json_span doc;
    struct err e = { 0 };
    run((struct options){ .output = OUTPUT_JSON, .code = "A\"\x01" }, "", 0, ARGS("say \xff \"x\" 5"));
    assert_int_equal(json_check(printed, strlen(printed), &doc, &e), ERR_OK);
    has("\"schema\":\"bakewatch/classify/v1\"");
    has("\"severity\":\"other\",\"category\":\"other\",\"why\":\"no rule matched\"");
    has("<str> <n>\"");
    run((struct options){ .output = OUTPUT_JSON }, "", 0, NO_ARGS);
    assert_int_equal(json_check(printed, strlen(printed), &doc, &e), ERR_OK);
    run((struct options){ .output = OUTPUT_JSON }, "out of memory\nno such host\n", 27, ARGS("-"));
    assert_int_equal(json_check(printed, strlen(printed), &doc, &e), ERR_OK);
    has("\"category\":\"resource\"");
    has("\"category\":\"network\"");
}

static void lines(void **state)
{
    (void)state;
    static char input[3 * ERROR_TEXT];
    memset(input, 'x', sizeof input);
    memcpy(input, "user=7 out of memory\r\n\n", 23);
    memcpy(input + 23 + ERROR_TEXT - 1, "\xc3\xa9", 2); /* across the cut */
    memcpy(input + sizeof input - 9, "\nlast one", 9);
    run((struct options){ .no_headers = true }, input, sizeof input, NO_ARGS);
    assert_int_equal(status, EXIT_PASS);
    int n = 0;
    for (const char *p = printed; (p = strchr(p, '\n')); p++)
        n++;
    assert_int_equal(n, 3);
    has("  user=<n> out of memory\n");
    has("  last one\n");
    assert_null(strstr(printed, "\xef\xbf\xbd"));
    const char *x = strstr(printed, "xxxx");
    assert_int_equal(strspn(x, "x"), ERROR_TEXT - 1);
    assert_int_equal(x[ERROR_TEXT - 1], '\n');
    memcpy(input + 23 + ERROR_TEXT - 2, "\xc3\xa9", 2); /* just before it */
    run((struct options){ .no_headers = true }, input, sizeof input, NO_ARGS);
    has("xx\xc3\xa9\n");
}

static int begin(void **state)
{
    (void)state;
    static const char text[] = "environments: {prod: {errors: {rules: "
                               "[{match: card (was )?declined, category: dependency}]}}}\n";
    int fd = mkstemp(config);
    bool ok = fd >= 0 && write(fd, text, sizeof text - 1) == sizeof text - 1;
    close(fd);
    return ok ? 0 : -1;
}

static int end(void **state)
{
    (void)state;
    return unlink(config);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(one_message), cmocka_unit_test(json),
                                        cmocka_unit_test(lines) };
    return cmocka_run_group_tests(tests, begin, end);
}
