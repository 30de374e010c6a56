/* Our own configuration: what it takes, and how it complains. */
#include "tests/unit/unit.h"

#include "core/base/text.h"
#include "core/conf/conf.h"

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

static int end(void **state)
{
    (void)state;
    conf_free(conf);
    buf_release(&all);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_whole_one), cmocka_unit_test(every_error_at_once) };
    return cmocka_run_group_tests(tests, NULL, end);
}
