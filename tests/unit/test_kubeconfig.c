/*
 * The kubeconfig contract, a test for each row: what clientcmd accepts, merges and refuses.
 */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/text.h"
#include "core/conf/kubeconfig.h"

static char dir[64];
static struct {
    const char *name, *value;
} vars[16];
static size_t n_vars;

static const char *env(const char *name)
{
    for (size_t i = 0; i < n_vars; i++) {
        if (text_eq(vars[i].name, name))
            return vars[i].value;
    }
    return NULL;
}

static void set_var(const char *name, const char *value)
{
    vars[n_vars].name = name;
    vars[n_vars++].value = value;
}

static const char *put(const char *name, const char *text)
{
    static char paths[8][128];
    static unsigned next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static int setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof dir, "/tmp/bakewatch-test-XXXXXX");
    assert_non_null(mkdtemp(dir));
    n_vars = 0;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    char cmd[128];
    snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    return system(cmd);
}

static struct kube_target target;
static struct err err;

static enum err_code resolve(const struct kube_overrides *o)
{
    struct kubeconfig *k = NULL;
    err = (struct err){ 0 };
    enum err_code rc = kubeconfig_load(o, env, &k, NULL, &err);
    if (!rc)
        rc = kubeconfig_resolve(k, o, env, &target, NULL, &err);
    kubeconfig_free(k);
    return rc;
}

/* A config whose one cluster and one user hold these lines. */
static const char *with(const char *cluster, const char *user)
{
    static char text[8192];
    snprintf(text, sizeof text,
             "apiVersion: v1\nkind: Config\ncurrent-context: a\n"
             "clusters:\n- name: c\n  cluster:\n%s\nusers:\n- name: u\n  user:\n%s\n"
             "contexts:\n- name: a\n  context: {cluster: c, user: u}\n",
             cluster, user);
    return put("config", text);
}

#define SERVER "    server: https://h:6443"
#define TOKEN "    token: abcd"

static void accept(const char *cluster, const char *user)
{
    struct kube_overrides o = { .kubeconfig = with(cluster, user) };
    if (resolve(&o))
        fail_msg("refused: %s", err.text);
}

static void refuse(const char *cluster, const char *user, const char *why)
{
    struct kube_overrides o = { .kubeconfig = with(cluster, user) };
    assert_int_equal(resolve(&o), ERR_CONFIG);
    if (!strstr(err.text, why))
        fail_msg("\"%s\" does not say \"%s\"", err.text, why);
    if (!strstr(err.text, dir))
        fail_msg("\"%s\" does not name the file", err.text);
}

static void explicit_file_alone(void **state)
{
    (void)state;
    set_var("KUBECONFIG", put("other", "current-context: other\n"));
    accept(SERVER, TOKEN);
    assert_string_equal(target.context, "a");
    kube_target_release(&target);
    struct kube_overrides o = { .kubeconfig = "/no/such/file" };
    assert_int_equal(resolve(&o), ERR_CONFIG);
    assert_non_null(strstr(err.text, "/no/such/file"));
}

static void list_merges_first_wins_whole(void **state)
{
    (void)state;
    const char *one = put("one", "clusters:\n- name: c\n  cluster: {server: 'https://one'}\n"
                                 "contexts:\n- name: x\n  context: {cluster: c, user: u, namespace: n1}\n");
    const char *two = put("two", "current-context: x\nclusters:\n- name: c\n  cluster: {server: 'https://two', "
                                 "insecure-skip-tls-verify: true}\nusers:\n- name: u\n  user: {token: t}\n");
    const char *three = put("three", "current-context: y\n");
    char list[512];
    snprintf(list, sizeof list, ":%s::/no/such:%s:%s:%s", one, two, three, one);
    set_var("KUBECONFIG", list);
    struct kube_overrides o = { 0 };
    assert_int_equal(resolve(&o), ERR_OK);
    assert_string_equal(target.server, "https://one");
    assert_false(target.is_insecure); /* no field of the second file's entry is mixed in */
    assert_string_equal(target.context, "x");
    assert_string_equal(target.ns, "n1");
    assert_string_equal(target.token, "t");
    kube_target_release(&target);
}

static void all_missing_warns(void **state)
{
    struct kubeconfig *k;
    struct kube_overrides o = { 0 };
    (void)state;
    set_var("KUBECONFIG", "/no/1:/no/2");
    assert_int_equal(kubeconfig_load(&o, env, &k, NULL, &err), ERR_OK);
    assert_non_null(strstr(kubeconfig_warnings(k), "no such file"));
    kubeconfig_free(k);
}

static void broken_files_are_all_reported(void **state)
{
    struct kubeconfig *k = NULL;
    struct buf all = BUF_INIT(65536);
    char list[512];
    (void)state;
    snprintf(list, sizeof list, "%s:%s", put("b1", "clusters: [\n"), put("b2", "\tx: 1\n"));
    set_var("KUBECONFIG", list);
    assert_int_equal(kubeconfig_load(&(struct kube_overrides){ 0 }, env, &k, &all, &err), ERR_CONFIG);
    assert_non_null(strstr(buf_str(&all), "b1:"));
    assert_non_null(strstr(buf_str(&all), "b2:1:"));
    buf_release(&all);
}

static void default_path(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/.kube", dir);
    mkdir(path, 0700);
    put(".kube/config", "current-context: a\nclusters:\n- {name: c, cluster: {server: 'https://d'}}\n"
                        "contexts:\n- {name: a, context: {cluster: c}}\n");
    set_var("HOME", dir);
    assert_int_equal(resolve(&(struct kube_overrides){ 0 }), ERR_OK);
    assert_string_equal(target.server, "https://d");
    assert_string_equal(target.ns, "default");
    kube_target_release(&target);
}

static void paths_are_relative_to_their_file(void **state)
{
    char want[128];
    (void)state;
    accept(SERVER "\n    certificate-authority: ca.crt",
           "    client-certificate: x/c.crt\n    client-key: /abs/k\n    tokenFile: tok");
    snprintf(want, sizeof want, "%s/ca.crt", dir);
    assert_string_equal(target.ca_file, want);
    snprintf(want, sizeof want, "%s/x/c.crt", dir);
    assert_string_equal(target.cert_file, want);
    assert_string_equal(target.key_file, "/abs/k");
    snprintf(want, sizeof want, "%s/tok", dir);
    assert_string_equal(target.token_file, want);
    kube_target_release(&target);
}

static void exec_command_with_a_slash_is_relative(void **state)
{
    char want[128];
    (void)state;
    accept(SERVER, "    exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: ./bin/login}");
    snprintf(want, sizeof want, "%s/./bin/login", dir);
    assert_string_equal(target.exec->command, want);
    kube_target_release(&target);
    accept(SERVER, "    exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: aws}");
    assert_string_equal(target.exec->command, "aws");
    kube_target_release(&target);
    accept(SERVER, "    exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: './my tools/log in', args: ['a b', '']}");
    snprintf(want, sizeof want, "%s/./my tools/log in", dir); /* no shell takes it apart */
    assert_string_equal(target.exec->command, want);
    assert_int_equal(target.exec->n_args, 2);
    assert_string_equal(target.exec->args[0], "a b");
    kube_target_release(&target);
}

static void duplicate_names_in_one_file(void **state)
{
    (void)state;
    struct kube_overrides o = { .kubeconfig = put("config", "users:\n- {name: u}\n- {name: u}\n") };
    assert_int_equal(resolve(&o), ERR_CONFIG);
    assert_non_null(strstr(err.text, ":3:3: duplicate name \"u\""));
}

static void json_and_empty_and_unknown(void **state)
{
    (void)state;
    struct kubeconfig *k;
    struct kube_overrides o = { .kubeconfig = put("config",
        "{\"current-context\":\"a\",\"clusters\":[{\"name\":\"c\",\"cluster\":{\"server\":\"https://j\","
        "\"certificate-authorty\":\"x\"}}],\"contexts\":[{\"name\":\"a\",\"context\":{\"cluster\":\"c\"}}]}") };
    assert_int_equal(resolve(&o), ERR_OK);
    assert_string_equal(target.server, "https://j");
    kube_target_release(&target);
    assert_int_equal(kubeconfig_load(&o, env, &k, NULL, &err), ERR_OK);
    assert_non_null(strstr(kubeconfig_warnings(k), "did you mean \"certificate-authority\""));
    kubeconfig_free(k);
    o.kubeconfig = put("config", "");
    assert_int_equal(kubeconfig_load(&o, env, &k, NULL, &err), ERR_OK);
    assert_true(kubeconfig_is_empty(k));
    kubeconfig_free(k);
}

static void overrides_win(void **state)
{
    (void)state;
    struct kube_overrides o = { .kubeconfig = put("config",
        "current-context: a\nclusters:\n- {name: c, cluster: {server: 'https://c'}}\n"
        "- {name: d, cluster: {server: 'https://d'}}\nusers:\n- {name: u, user: {token: t1}}\n"
        "- {name: v, user: {token: t2}}\ncontexts:\n- {name: a, context: {cluster: c, user: u}}\n"
        "- {name: b, context: {cluster: d, user: v, namespace: nb}}\n"), .context = "b" };
    assert_int_equal(resolve(&o), ERR_OK);
    assert_string_equal(target.server, "https://d");
    assert_string_equal(target.ns, "nb");
    kube_target_release(&target);
    o.cluster = "c";
    o.user = "u";
    o.ns = "mine";
    assert_int_equal(resolve(&o), ERR_OK);
    assert_string_equal(target.server, "https://c");
    assert_string_equal(target.token, "t1");
    assert_string_equal(target.ns, "mine");
    kube_target_release(&target);
    o.server = "https://by-hand:1/";
    o.token = "t3";
    o.proxy_url = "socks5://p:1";
    assert_int_equal(resolve(&o), ERR_OK);
    assert_string_equal(target.server, "https://by-hand:1");
    assert_string_equal(target.token, "t3");
    assert_string_equal(target.proxy_url, "socks5h://p:1");
    kube_target_release(&target);
    o.ns = "Not_A_Name";
    assert_int_equal(resolve(&o), ERR_CONFIG);
    o = (struct kube_overrides){ .kubeconfig = o.kubeconfig, .context = "none" };
    assert_int_equal(resolve(&o), ERR_CONFIG);
    assert_non_null(strstr(err.text, "context \"none\" does not exist"));
}

static void contexts_that_point_nowhere(void **state)
{
    (void)state;
    struct kube_overrides o = { .kubeconfig = put("config",
        "current-context: a\ncontexts:\n- {name: a, context: {cluster: gone}}\n") };
    assert_int_equal(resolve(&o), ERR_CONFIG);
    assert_non_null(strstr(err.text, "config:3:3: context \"a\" names cluster \"gone\""));
    o.kubeconfig = put("config", "clusters:\n- {name: c, cluster: {server: 'https://c'}}\n");
    assert_int_equal(resolve(&o), ERR_CONFIG);
    assert_non_null(strstr(err.text, "no current-context"));
}

static void servers(void **state)
{
    (void)state;
    accept("    server: https://h/k8s/clusters/c-1/?x=1#y", TOKEN);
    assert_string_equal(target.server, "https://h/k8s/clusters/c-1");
    assert_true(target.is_tls);
    kube_target_release(&target);
    accept("    server: http://h:8080", TOKEN);
    assert_false(target.is_tls); /* the client sends no credentials then */
    kube_target_release(&target);
    refuse("    server: ftp://h", TOKEN, "is not a URL");
    refuse("    server: 'https://'", TOKEN, "is not a URL");
    refuse("    server: 'https://user:pw@h'", TOKEN, "is not a URL");
    refuse("    insecure-skip-tls-verify: true", TOKEN, "has no server");
}

static void certificate_authority(void **state)
{
    (void)state;
    accept(SERVER "\n    certificate-authority-data: aGVsbG8=", TOKEN);
    assert_string_equal(target.ca_pem, "hello");
    kube_target_release(&target);
    refuse(SERVER "\n    certificate-authority-data: '*not base64*'", TOKEN, ":8:33: certificate-authority-data is not base64");
    refuse(SERVER "\n    certificate-authority: f\n    certificate-authority-data: aGVsbG8=", TOKEN, "are both set");
    refuse(SERVER "\n    certificate-authority: f\n    insecure-skip-tls-verify: true", TOKEN, "one of them must go");
    accept(SERVER "\n    insecure-skip-tls-verify: true", TOKEN);
    assert_true(target.is_insecure);
    kube_target_release(&target);
    refuse(SERVER "\n    insecure-skip-tls-verify: perhaps", TOKEN, "must be true or false");
}

static void tls_name_proxy_compression(void **state)
{
    (void)state;
    accept(SERVER "\n    tls-server-name: other\n    proxy-url: socks5://p:1080\n    disable-compression: true", TOKEN);
    assert_string_equal(target.tls_server_name, "other");
    assert_string_equal(target.proxy_url, "socks5h://p:1080");
    assert_true(target.disable_compression);
    kube_target_release(&target);
    accept(SERVER "\n    proxy-url: https://p", TOKEN);
    assert_string_equal(target.proxy_url, "https://p");
    kube_target_release(&target);
    refuse(SERVER "\n    proxy-url: ftp://p", TOKEN, "proxy-url");
}

static void client_certificates(void **state)
{
    (void)state;
    accept(SERVER, "    client-certificate-data: Yw==\n    client-key-data: a2V5");
    assert_string_equal(target.cert_pem, "c");
    assert_string_equal(target.key_pem, "key");
    kube_target_release(&target);
    refuse(SERVER, "    client-certificate: c.crt", "without its client-key");
    accept(SERVER, TOKEN "\n    client-key: k"); /* a key alone means nothing to clientcmd */
    assert_null(target.key_file);
    assert_string_equal(target.token, "abcd");
    kube_target_release(&target);
    accept(SERVER, TOKEN "\n    client-key-data: a2V5");
    assert_null(target.key_pem);
    kube_target_release(&target);
    refuse(SERVER, "    client-certificate: c\n    client-certificate-data: Yw==\n    client-key: k", "are both set");
}

static void one_way_to_log_in(void **state)
{
    (void)state;
    accept(SERVER, "    username: me\n    password: '1234'");
    assert_string_equal(target.username, "me");
    assert_string_equal(target.password, "1234");
    kube_target_release(&target);
    refuse(SERVER, TOKEN "\n    username: me\n    password: p", "only one way to log in");
    refuse(SERVER, "    auth-provider: {name: gcp}", "use an exec plugin");
}

static void impersonation(void **state)
{
    (void)state;
    accept(SERVER, TOKEN "\n    as: root\n    as-uid: '7'\n    as-groups: [a, b]\n    as-user-extra: {reason: [x, y]}");
    assert_string_equal(target.as, "root");
    assert_string_equal(target.as_uid, "7");
    assert_int_equal(target.n_as_groups, 2);
    assert_int_equal(target.n_as_extra, 2);
    assert_string_equal(target.as_extra[1].name, "reason");
    assert_string_equal(target.as_extra[1].value, "y");
    kube_target_release(&target);
    refuse(SERVER, TOKEN "\n    as-groups: [a]", "need \"as\"");
}

static void exec_plugins(void **state)
{
    (void)state;
    accept(SERVER "\n    extensions:\n    - name: client.authentication.k8s.io/exec\n      extension: {a: [1, 'x', true]}",
           "    exec:\n      apiVersion: client.authentication.k8s.io/v1\n      command: login\n"
           "      args: [get, token]\n      env: [{name: A, value: b}]\n      installHint: get it\n"
           "      provideClusterInfo: true\n      interactiveMode: Always");
    assert_int_equal(target.exec->n_args, 2);
    assert_string_equal(target.exec->args[1], "token");
    assert_string_equal(target.exec->env[0], "A=b");
    assert_string_equal(target.exec->install_hint, "get it");
    assert_int_equal(target.exec->interactive, EXEC_ALWAYS);
    assert_string_equal(target.exec->cluster_config, "{\"a\":[1,\"x\",true]}");
    kube_target_release(&target);
    refuse(SERVER, "    exec: {command: x}", "apiVersion");
    refuse(SERVER, "    exec: {apiVersion: client.authentication.k8s.io/v1alpha1, command: x}", "apiVersion");
    refuse(SERVER, "    exec: {apiVersion: client.authentication.k8s.io/v1, command: x}", "needs interactiveMode");
    refuse(SERVER, "    exec: {apiVersion: client.authentication.k8s.io/v1, interactiveMode: No, command: x}", "is not Never");
    refuse(SERVER, "    exec: {apiVersion: client.authentication.k8s.io/v1beta1}", "has no command");
    refuse(SERVER, "    exec: {apiVersion: client.authentication.k8s.io/v1beta1, command: x, args: y}", "must be a list");
}

static void in_cluster_only_without_files(void **state)
{
    (void)state;
    put("token", "tok");
    put("namespace", "there\n");
    set_var("KUBERNETES_SERVICE_HOST", "fd00::1");
    set_var("KUBERNETES_SERVICE_PORT", "443");
    set_var("BAKEWATCH_TEST_SERVICEACCOUNT", dir);
    assert_int_equal(resolve(&(struct kube_overrides){ 0 }), ERR_OK);
    assert_string_equal(target.server, "https://[fd00::1]:443");
    assert_string_equal(target.ns, "there");
    assert_string_equal(target.origin, "in-cluster");
    kube_target_release(&target);
    set_var("POD_NAMESPACE", "mine");
    assert_int_equal(resolve(&(struct kube_overrides){ 0 }), ERR_OK);
    assert_string_equal(target.ns, "mine");
    kube_target_release(&target);
    set_var("KUBECONFIG", with(SERVER, TOKEN));
    assert_int_equal(resolve(&(struct kube_overrides){ 0 }), ERR_OK);
    assert_string_equal(target.context, "a");
    kube_target_release(&target);
}

/* In a pod too the command line wins. */
static void in_cluster_takes_overrides(void **state)
{
    static const char *const groups[] = { "g1", "g2" };
    char want[128];
    (void)state;
    put("token", "tok");
    put("namespace", "there\n");
    set_var("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    set_var("KUBERNETES_SERVICE_PORT", "443");
    set_var("BAKEWATCH_TEST_SERVICEACCOUNT", dir);
    struct kube_overrides o = { .token = "mine", .tls_server_name = "other", .proxy_url = "socks5://p:1", .ns = "n",
                                .as = "someone", .as_groups = groups, .n_as_groups = 2, .disable_compression = true };
    assert_int_equal(resolve(&o), ERR_OK);
    snprintf(want, sizeof want, "%s/ca.crt", dir);
    assert_string_equal(target.server, "https://10.0.0.1:443");
    assert_string_equal(target.token, "mine");
    assert_null(target.token_file);
    assert_string_equal(target.ca_file, want);
    assert_string_equal(target.tls_server_name, "other");
    assert_string_equal(target.proxy_url, "socks5h://p:1");
    assert_string_equal(target.ns, "n");
    assert_string_equal(target.as, "someone");
    assert_int_equal(target.n_as_groups, 2);
    assert_true(target.disable_compression);
    kube_target_release(&target);
    o = (struct kube_overrides){ .certificate_authority = "/my/ca" };
    assert_int_equal(resolve(&o), ERR_OK);
    snprintf(want, sizeof want, "%s/token", dir);
    assert_string_equal(target.ca_file, "/my/ca");
    assert_string_equal(target.token_file, want);
    assert_null(target.token);
    kube_target_release(&target);
    o = (struct kube_overrides){ .insecure_skip_tls_verify = true };
    assert_int_equal(resolve(&o), ERR_OK);
    assert_true(target.is_insecure);
    assert_null(target.ca_file);
    kube_target_release(&target);
    o = (struct kube_overrides){ .ns = "Not_A_Name" };
    assert_int_equal(resolve(&o), ERR_CONFIG);
    assert_non_null(strstr(err.text, "--namespace"));
    o = (struct kube_overrides){ .proxy_url = "ftp://p" };
    assert_int_equal(resolve(&o), ERR_CONFIG);
}

/* "" is how kubectl writes that there is none. */
static void an_empty_current_context_sets_nothing(void **state)
{
    char list[512];
    (void)state;
    struct kube_overrides o = { .kubeconfig = put("config", "current-context: \"\"\nclusters:\n- {name: c, cluster: "
                                                            "{server: 'https://c'}}\ncontexts:\n- {name: a, context: {cluster: c}}\n") };
    assert_int_equal(resolve(&o), ERR_CONFIG);
    assert_non_null(strstr(err.text, "no current-context is set"));
    o.context = "a";
    assert_int_equal(resolve(&o), ERR_OK);
    kube_target_release(&target);
    snprintf(list, sizeof list, "%s:%s", put("config", "current-context: \"\"\n"),
             put("two", "current-context: b\nclusters:\n- {name: d, cluster: {server: 'https://d'}}\n"
                        "contexts:\n- {name: b, context: {cluster: d}}\n"));
    set_var("KUBECONFIG", list);
    assert_int_equal(resolve(&(struct kube_overrides){ 0 }), ERR_OK);
    assert_string_equal(target.server, "https://d");
    kube_target_release(&target);
}

static void a_file_with_nothing_in_it_is_none(void **state)
{
    (void)state;
    set_var("KUBECONFIG", put("config", "apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers: []\n"
                                        "preferences: {}\ncurrent-context: \"\"\n"));
    set_var("KUBERNETES_SERVICE_HOST", "10.0.0.1");
    set_var("KUBERNETES_SERVICE_PORT", "443");
    set_var("BAKEWATCH_TEST_SERVICEACCOUNT", dir);
    assert_int_equal(resolve(&(struct kube_overrides){ 0 }), ERR_OK);
    assert_string_equal(target.origin, "in-cluster");
    kube_target_release(&target);
}

static void kubernetes_master(void **state)
{
    (void)state;
    set_var("KUBERNETES_MASTER", "http://old:8080");
    assert_int_equal(resolve(&(struct kube_overrides){ 0 }), ERR_OK);
    assert_string_equal(target.server, "http://old:8080");
    kube_target_release(&target);
    assert_int_equal(resolve(&(struct kube_overrides){ .server = "https://new" }), ERR_OK);
    assert_string_equal(target.server, "https://new");
    kube_target_release(&target);
    set_var("KUBECONFIG", with(SERVER, TOKEN)); /* a file that says something wins */
    assert_int_equal(resolve(&(struct kube_overrides){ 0 }), ERR_OK);
    assert_string_equal(target.server, "https://h:6443");
    kube_target_release(&target);
}

/* https when anything of TLS is set up, else http. */
static void a_bare_host(void **state)
{
    (void)state;
    accept("    server: h:6443", TOKEN);
    assert_string_equal(target.server, "http://h:6443");
    assert_false(target.is_tls);
    kube_target_release(&target);
    accept("    server: h:6443", "    client-certificate: c\n    client-key: k");
    assert_string_equal(target.server, "https://h:6443");
    assert_true(target.is_tls);
    kube_target_release(&target);
    accept("    server: h:6443", "    client-certificate-data: Yw==\n    client-key-data: a2V5");
    assert_string_equal(target.server, "https://h:6443");
    kube_target_release(&target);
    accept("    server: h:6443\n    certificate-authority-data: aGVsbG8=", TOKEN);
    assert_string_equal(target.server, "https://h:6443");
    kube_target_release(&target);
    accept("    server: h:6443", "    client-key: k");
    assert_string_equal(target.server, "http://h:6443");
    kube_target_release(&target);
}

static void nothing_at_all(void **state)
{
    (void)state;
    assert_int_equal(resolve(&(struct kube_overrides){ 0 }), ERR_CONFIG);
    assert_non_null(strstr(err.text, "no kubeconfig: ~/.kube/config is not there"));
    assert_int_equal(resolve(&(struct kube_overrides){ .kubeconfig = put("empty", "apiVersion: v1\nkind: Config\n") }), ERR_CONFIG);
    assert_non_null(strstr(err.text, "empty has no contexts"));
}

static void hostile_files(void **state)
{
    (void)state;
    struct buf b = BUF_INIT(KUBECONFIG_BYTES * 2);
    buf_adds(&b, "a: &a [x,x,x,x,x,x,x,x,x,x]\n");
    for (char c = 'b'; c < 'k'; c++)
        buf_addf(&b, "%c: &%c [*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c,*%c]\n", c, c, c - 1, c - 1, c - 1, c - 1,
                 c - 1, c - 1, c - 1, c - 1, c - 1);
    struct kube_overrides o = { .kubeconfig = put("bomb", buf_str(&b)) };
    assert_int_equal(resolve(&o), ERR_LIMIT);
    assert_non_null(strstr(err.text, "aliases"));
    buf_clear(&b);
    for (int i = 0; i < 200; i++)
        buf_adds(&b, "[");
    o.kubeconfig = put("deep", buf_str(&b));
    assert_int_not_equal(resolve(&o), ERR_OK);
    buf_clear(&b);
    while (b.len <= KUBECONFIG_BYTES)
        buf_adds(&b, "# a comment that goes on and on and on and on and on and on\n");
    o.kubeconfig = put("large", buf_str(&b));
    assert_int_equal(resolve(&o), ERR_LIMIT);
    buf_release(&b);
    o.kubeconfig = dir;
    assert_int_equal(resolve(&o), ERR_CONFIG);
    o.kubeconfig = put("kind", "kind: Pod\n");
    assert_int_equal(resolve(&o), ERR_CONFIG);
    assert_non_null(strstr(err.text, "kind is \"Pod\""));
    o.kubeconfig = put("list", "- a\n- b\n");
    assert_int_equal(resolve(&o), ERR_CONFIG);
}

int main(void)
{
#define ROW(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        ROW(explicit_file_alone), ROW(list_merges_first_wins_whole), ROW(all_missing_warns),
        ROW(broken_files_are_all_reported), ROW(default_path), ROW(paths_are_relative_to_their_file),
        ROW(exec_command_with_a_slash_is_relative), ROW(duplicate_names_in_one_file),
        ROW(json_and_empty_and_unknown), ROW(overrides_win), ROW(contexts_that_point_nowhere),
        ROW(servers), ROW(certificate_authority), ROW(tls_name_proxy_compression),
        ROW(client_certificates), ROW(one_way_to_log_in), ROW(impersonation), ROW(exec_plugins),
        ROW(in_cluster_only_without_files), ROW(in_cluster_takes_overrides),
        ROW(an_empty_current_context_sets_nothing), ROW(a_file_with_nothing_in_it_is_none),
        ROW(kubernetes_master), ROW(a_bare_host), ROW(nothing_at_all), ROW(hostile_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
