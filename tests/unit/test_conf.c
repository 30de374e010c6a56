/* Our own configuration: what it takes, and how it complains. */
#include "tests/unit/unit.h"

#include "core/base/text.h"
#include "core/conf/conf.h"
#include "core/model/errors.h"

static struct conf *conf;
static struct buf all;

static enum err_code parse(const char *text)
{
    struct err e = { 0 };
    conf_free(conf);
    conf = NULL;
    all.cap = 65536;
    buf_clear(&all);
    return conf_parse("c.yaml", text, strlen(text), &conf, &all, &e);
}

static void a_whole_one(void **state)
{
    (void)state;
    assert_int_equal(parse("environments:\n  prod:\n    class: production\n    context: eks-1\n"
                           "    namespaces: [openpolicy, shop]\n    read_only: true\n  dev: {class: development}\n"
                           "keys: {x: faults}\ntheme: cvd\nlog: {level: debug, file: /tmp/l}\n"), ERR_OK);
    const struct conf_env *env = conf_find_env(conf, NULL, "eks-1");
    assert_non_null(env);
    assert_string_equal(env->name, "prod");
    assert_int_equal(env->class, CONF_PRODUCTION);
    assert_int_equal(env->n_namespaces, 2);
    assert_int_equal(env->origin.line, 2);
    assert_null(conf_find_env(conf, "test", NULL));
    assert_string_equal(conf->keys[0].line, "faults");
    assert_string_equal(conf->theme, "cvd");
    assert_int_equal(parse(""), ERR_OK);
    assert_int_equal(conf->n_envs, 0);
}

static void every_error_at_once(void **state)
{
    (void)state;
    assert_int_equal(parse("enviroments: {}\nenvironments:\n  prod:\n    clas: production\n    class: prodution\n"
                           "    namespaces: [Not_A_Name]\n    read_only: maybe\nlog: {level: loud}\n"), ERR_CONFIG);
    static const char *const lines[] = {
        "c.yaml:1:1: unknown key \"enviroments\", did you mean \"environments\"?",
        "c.yaml:4:5: unknown key \"clas\", did you mean \"class\"?",
        "c.yaml:5:12: class: \"prodution\" is none of its values, did you mean \"production\"?",
        "c.yaml:6:18: \"Not_A_Name\" is not the name of a namespace",
        "c.yaml:7:16: read_only must be true or false",
        "c.yaml:8:14: log.level: \"loud\" is none of its values",
    };
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        if (!strstr(buf_str(&all), lines[i]))
            fail_msg("missing \"%s\" in\n%s", lines[i], buf_str(&all));
    }
    assert_int_equal(parse("a: 1\na: 2\n"), ERR_CONFIG);
    assert_int_equal(parse("- x\n"), ERR_CONFIG);
    assert_int_equal(parse("a: [\n"), ERR_CONFIG);
    assert_int_equal(parse("environments: [x]\n"), ERR_CONFIG);
}

static void errors_of_an_environment(void **state)
{
    (void)state;
    assert_int_equal(parse("environments:\n"
                           "  prod:\n"
                           "    errors:\n"
                           "      db: \"postgresql://ops:secret@db-1/ops\"\n"
                           "      timezone: Europe/Paris\n"
                           "      rules:\n"
                           "        - {match: \"card (was )?declined\", category: dependency}\n"
                           "        - {code: NET, category: network}\n"
                           "    services: {payments: deployment/payment-api, Cart: cart, db: STS/db}\n"
                           "  dev: {errors: {db: \"sqlite:///var/lib/x.db\", timezone: \"+02:00\"}}\n"
                           "  bare: {}\n"
                           "errors: {service: ops}\n"), ERR_OK);
    const struct conf_env *prod = conf_find_env(conf, "prod", NULL);
    const struct conf_errors *e = conf_find_errors(conf, prod);
    assert_string_equal(e->db, "postgresql://ops:secret@db-1/ops");
    assert_string_equal(e->timezone, "Europe/Paris");
    assert_null(e->service);
    assert_int_equal(e->n_rules, 2);
    assert_string_equal(e->rules[0].match, "card (was )?declined");
    assert_null(e->rules[0].code);
    assert_int_equal(e->rules[0].category, CATEGORY_DEPENDENCY);
    assert_string_equal(e->rules[1].code, "NET");
    assert_int_equal(e->rules[1].category, CATEGORY_NETWORK);
    assert_int_equal(e->origin.line, 3);
    assert_int_equal(prod->n_services, 3);
    assert_string_equal(prod->services[0].name, "payments");
    assert_string_equal(prod->services[0].workload, "deployment/payment-api");
    assert_string_equal(conf_find_errors(conf, conf_find_env(conf, "dev", NULL))->timezone, "+02:00");
    assert_null(conf_find_errors(conf, conf_find_env(conf, "bare", NULL)));
    assert_string_equal(conf_find_errors(conf, NULL)->service, "ops");
    assert_int_equal(parse("errors: ~\nenvironments: {a: {errors: ~, services: ~}}\n"), ERR_OK);
    assert_null(conf_find_errors(conf, NULL));
    for (int i = 0; i < N_CATEGORIES; i++)
        assert_string_equal(conf_category_name(i), category_name((enum category)i));
    assert_string_equal(conf_category_name(-1), "?");
}

static const struct {
    const char *text, *error;
} wrong[] = {
    { "errors: {dbb: x}", "c.yaml:1:10: unknown key \"dbb\", did you mean \"db\"?" },
    { "errors: [a]", "c.yaml:1:9: errors must be a mapping like {service: ops}" },
    { "errors: {db: \"mysql://u:secret@h/x\"}", "c.yaml:1:14: db must start with postgresql:// or sqlite://" },
    { "errors: {db: [x]}", "c.yaml:1:14: db must be text" },
    { "errors: {db: \"sqlite:///\"}", "c.yaml:1:14: db names no file" },
    { "errors: {db: \"sqlite:///x\", service: ops}", "c.yaml:1:38: db and service: one of them must go" },
    { "errors: {service: \"host=x\"}", "c.yaml:1:19: service must be the name of a section" },
    { "errors: {service: \"\"}", "c.yaml:1:19: service must be the name of a section" },
    { "errors: {timezone: \"+2\"}", "c.yaml:1:20: timezone: \"+2\" is neither a name" },
    { "errors: {timezone: \"+16:00\"}", "c.yaml:1:20: timezone: \"+16:00\" is neither a name" },
    { "errors: {timezone: \"a'b\"}", "c.yaml:1:20: timezone: \"a'b\" is neither a name" },
    { "errors: {db: \"sqlite:///x\", timezone: Europe/Paris}", "c.yaml:1:39: timezone of an SQLite file is UTC or" },
    { "errors: {rules: {match: x}}", "c.yaml:1:17: rules must be a list of rules" },
    { "errors: {rules: [x]}", "c.yaml:1:18: a rule is a mapping" },
    { "errors:\n  rules:\n    - {match: \"a(b\", category: network}",
      "c.yaml:3:15: match is no regular expression: missing closing parenthesis at character 4" },
    { "errors: {rules: [{match: \"[z-a]\", category: network}]}",
      "c.yaml:1:26: match is no regular expression: range out of order in character class at character" },
    { "errors: {rules: [{match: x, category: netwrok}]}", "c.yaml:1:39: category: \"netwrok\" is none of its values, did you mean \"network\"?" },
    { "errors: {rules: [{match: x}]}", "c.yaml:1:18: a rule has a category" },
    { "errors: {rules: [{category: network}]}", "c.yaml:1:18: a rule has a match or a code, one of the two" },
    { "errors: {rules: [{match: x, code: Y, category: network}]}", "c.yaml:1:18: a rule has a match or a code" },
    { "errors: {rules: [{code: \"\", category: network}]}", "c.yaml:1:25: code is empty" },
    { "errors: {rules: [{macth: x, category: network}]}", "unknown key \"macth\", did you mean \"match\"?" },
    { "environments: {a: {services: [x]}}", "c.yaml:1:30: services must be a mapping like" },
    { "environments: {a: {services: {p: deploymnt/x}}}", "c.yaml:1:34: \"deploymnt\" is no kind of workload, did you mean \"deployment\"?" },
    { "environments: {a: {services: {p: /x}}}", "c.yaml:1:34: \"\" is no kind of workload" },
    { "environments: {a: {services: {p: Not_A_Name}}}", "c.yaml:1:34: \"Not_A_Name\" is not the name of a workload" },
    { "environments: {a: {services: {p: x, P: y}}}", "c.yaml:1:37: service \"P\" is there in another case" },
    { "environments: {a: {error: {}}}", "c.yaml:1:20: unknown key \"error\", did you mean \"errors\"?" },
};

static void wrong_errors(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_int_equal(parse(wrong[i].text), ERR_CONFIG);
        if (!strstr(buf_str(&all), wrong[i].error))
            fail_msg("%s\nmissing \"%s\" in\n%s", wrong[i].text, wrong[i].error, buf_str(&all));
        if (strstr(buf_str(&all), "secret"))
            fail_msg("a password is shown: %s", buf_str(&all));
    }
    struct buf many = BUF_INIT(1024 * 1024);
    buf_adds(&many, "errors:\n  rules:\n");
    for (int i = 0; i <= CONF_RULES; i++)
        buf_adds(&many, "    - {code: A, category: network}\n");
    assert_int_equal(parse(buf_str(&many)), ERR_CONFIG);
    assert_non_null(strstr(buf_str(&all), "c.yaml:3:5: rules holds at most 200 rules"));
    buf_clear(&many);
    buf_adds(&many, "errors: {rules: [{category: network, match: ");
    for (int i = 0; i <= CONF_PATTERN; i++)
        buf_addc(&many, 'a');
    buf_adds(&many, "}]}\n");
    assert_int_equal(parse(buf_str(&many)), ERR_CONFIG);
    assert_non_null(strstr(buf_str(&all), "c.yaml:1:45: match holds at most 1000 bytes"));
    buf_release(&many);
}

static void passwords_are_masked(void **state)
{
    (void)state;
    static const struct {
        const char *db, *shown;
    } rows[] = {
        { "postgresql://ops:secret@db-1:5432/ops", "postgresql://ops:***@db-1:5432/ops" },
        { "postgresql://ops@db-1:5432/ops", "postgresql://ops@db-1:5432/ops" },
        { "postgresql://db-1:5432/ops", "postgresql://db-1:5432/ops" },
        { "postgresql://ops:se@cret:x@db-1/ops", "postgresql://ops:***@db-1/ops" },
        { "postgresql://ops:se/cret@db-1/ops?sslmode=require", "postgresql://ops:***@db-1/ops?sslmode=require" },
        { "postgresql:///ops?user=o&password=secret&host=/run", "postgresql:///ops?user=o&password=***&host=/run" },
        { "postgresql:///ops?sslPassword=secret", "postgresql:///ops?sslPassword=***" },
        { "postgresql:///ops?pass%77ord=secret&a", "postgresql:///ops?pass%77ord=***&a" },
        { "postgresql://o:a?b@h/ops?password=x&password=y", "postgresql://o:***@h/ops?password=***&password=***" },
        { "postgresql://o:@h", "postgresql://o:***@h" },
        { "sqlite:///var/lib/x.db", "sqlite:///var/lib/x.db" },
        { "", "" },
    };
    struct buf b = BUF_INIT(4096);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        buf_clear(&b);
        conf_mask_db(&b, rows[i].db);
        assert_string_equal(buf_str(&b), rows[i].shown);
    }
    buf_release(&b);
}

static int end(void **state)
{
    (void)state;
    conf_free(conf);
    buf_release(&all);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_whole_one), cmocka_unit_test(every_error_at_once),
                                        cmocka_unit_test(errors_of_an_environment),
                                        cmocka_unit_test(wrong_errors),
                                        cmocka_unit_test(passwords_are_masked) };
    return cmocka_run_group_tests(tests, NULL, end);
}
