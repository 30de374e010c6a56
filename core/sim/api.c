#include "core/sim/api.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/base/text.h"

void api_fail(struct api_call *c, int code, const char *reason, const char *fmt, ...)
{
    char message[512];
    struct buf *b = &c->out->body;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    buf_clear(b);
    c->out->status = code;
    buf_adds(b, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\","
                "\"message\":");
    json_quote(b, message);
    buf_addf(b, ",\"reason\":\"%s\",\"details\":{", reason);
    if (c->name[0]) {
        buf_adds(b, "\"name\":");
        json_quote(b, c->name);
        buf_addc(b, ',');
    }
    if (c->group[0])
        buf_addf(b, "\"group\":\"%s\",",
                 sim_kinds[c->kind < N_SIM_KINDS ? c->kind : SIM_POD].group);
    buf_adds(b, "\"kind\":");
    json_quote(b, c->resource);
    buf_addf(b, "},\"code\":%d}\n", code);
}

bool api_selectors(struct api_call *c, struct selector *labels, struct selector *fields)
{
    struct err e = { 0 };
    *labels = *fields = (struct selector){ 0 };
    if (selector_parse(request_query(c->q, "labelSelector"), labels, &e) ||
        selector_parse(request_query(c->q, "fieldSelector"), fields, &e)) {
        selector_release(labels);
        api_fail(c, 400, "BadRequest", "%s", e.text);
        return false;
    }
    return true;
}

void api_object(struct buf *out, const struct sim_text *t)
{
    buf_addf(out, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",", sim_kinds[t->kind].kind,
             sim_api_version(t->kind));
    buf_add(out, t->bytes + 1, t->n - 1);
}

/* ---- taking a path apart ---- */

static bool split(struct api_call *c)
{
    char *p = c->text;
    if (strlen(c->q->path) >= sizeof c->text)
        return false;
    strcpy(c->text, c->q->path);
    while (*p == '/') {
        *p++ = '\0';
        if (!*p)
            break;
        if (c->n == API_PARTS)
            return false;
        c->parts[c->n++] = p;
        p += strcspn(p, "/");
    }
    return true;
}

static const char *part(const struct api_call *c, size_t i)
{
    return i < c->n ? c->parts[i] : "";
}

static enum sim_kind kind_of(const struct api_call *c)
{
    for (int k = 0; k < N_SIM_KINDS; k++) {
        if (text_eq(sim_kinds[k].group, c->group) && text_eq(sim_kinds[k].version, c->version) &&
            text_eq(sim_kinds[k].resource, c->resource))
            return (enum sim_kind)k;
    }
    return N_SIM_KINDS;
}

static void read_path(struct api_call *c)
{
    size_t i = text_eq(part(c, 0), "apis") ? 3 : 2;
    c->group = i == 3 ? part(c, 1) : "";
    c->version = part(c, i - 1);
    if (text_eq(part(c, i), "namespaces") && c->n > i + 2) {
        c->ns = part(c, i + 1);
        i += 2;
    }
    c->resource = part(c, i);
    c->name = part(c, i + 1);
    c->sub = part(c, i + 2);
    c->rest = i + 3;
    c->kind = kind_of(c);
}

/* ---- who may ---- */

static const char *verb_of(const struct api_call *c)
{
    const char *m = c->q->method;
    if (text_eq(m, "GET") || text_eq(m, "HEAD"))
        return c->name[0] ? "get" : request_flag(c->q, "watch") ? "watch" : "list";
    return text_eq(m, "PATCH")    ? "patch"
           : text_eq(m, "PUT")    ? "update"
           : text_eq(m, "DELETE") ? "delete"
                                  : "create";
}

static bool may(enum server_role role, const char *verb, const char *resource)
{
    bool is_read = text_eq(verb, "get") || text_eq(verb, "list") || text_eq(verb, "watch");
    return role == ROLE_ADMIN || (role == ROLE_VIEWER && is_read) ||
           (role == ROLE_NOPODS && is_read && !text_eq(resource, "pods"));
}

static const char *user_of(enum server_role role)
{
    static const char *const names[] = { "system:anonymous", "admin", "viewer", "nopods" };
    return names[role];
}

static bool check_rights(struct api_call *c)
{
    char where[160] = "at the cluster scope";
    if (may(c->q->role, verb_of(c), c->resource))
        return true;
    if (c->ns[0])
        snprintf(where, sizeof where, "in the namespace \"%.100s\"", c->ns);
    if (c->q->role == ROLE_ANONYMOUS && c->n < 3)
        api_fail(c, 403, "Forbidden",
                 "forbidden: User \"system:anonymous\" cannot get path \"%.200s\"", c->q->path);
    else
        api_fail(c, 403, "Forbidden",
                 "%s%s%s%s%s%s is forbidden: User \"%s\" cannot %s resource \"%s\" in API group "
                 "\"%s\" %s",
                 c->resource, c->group[0] ? "." : "", c->group, c->name[0] ? " \"" : "", c->name,
                 c->name[0] ? "\"" : "", user_of(c->q->role), verb_of(c), c->resource, c->group,
                 where);
    return false;
}

/* ---- reviews ---- */

static void review(struct api_call *c)
{
    cJSON *doc = NULL;
    struct err e = { 0 };
    bool is_rules = text_eq(c->resource, "selfsubjectrulesreviews");
    if (!text_eq(c->q->method, "POST") || c->q->role == ROLE_ANONYMOUS) {
        api_fail(c, c->q->role == ROLE_ANONYMOUS ? 403 : 405,
                 c->q->role == ROLE_ANONYMOUS ? "Forbidden" : "MethodNotAllowed",
                 "the server does not allow this method on the requested resource");
        return;
    }
    if (!text_starts(c->q->content_type, "application/json")) {
        api_fail(c, 415, "UnsupportedMediaType",
                 "the body of the request was in an unknown format - accepted media types include: "
                 "application/json");
        return;
    }
    if (tree_parse(c->q->body, c->q->body_n, &doc, &e)) {
        api_fail(c, 400, "BadRequest", "%s", e.text);
        return;
    }
    cJSON *status = x_must(cJSON_CreateObject());
    if (is_rules) {
        const char *verbs =
            c->q->role == ROLE_ADMIN
                ? "[{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"]}]"
                : "[{\"verbs\":[\"get\",\"list\",\"watch\"],\"apiGroups\":[\"*\"],\"resources\":["
                  "\"*\"]}]";
        tree_take(status, "resourceRules", cJSON_Parse(verbs));
        tree_take(status, "nonResourceRules", cJSON_CreateArray());
        tree_set_bool(status, "incomplete", false);
    } else {
        const char *verb = tree_str(doc, "spec.resourceAttributes.verb"),
                   *resource = tree_str(doc, "spec.resourceAttributes.resource");
        tree_set_bool(status, "allowed", may(c->q->role, verb, resource));
        tree_set(status, "reason",
                 may(c->q->role, verb, resource) ? "RBAC: allowed by the simulator" : "");
    }
    tree_take(doc, "status", status);
    tree_set(doc, "kind", is_rules ? "SelfSubjectRulesReview" : "SelfSubjectAccessReview");
    tree_set(doc, "apiVersion", "authorization.k8s.io/v1");
    char *text = x_must(cJSON_PrintUnformatted(doc));
    c->out->status = 201;
    buf_addf(&c->out->body, "%s\n", text);
    free(text);
    cJSON_Delete(doc);
}

/* ---- what there is: kubectl asks before anything else ---- */

static void add_group(struct buf *b, const char *group, const char *version)
{
    buf_addf(b,
             "%s{\"name\":\"%s\",\"versions\":[{\"groupVersion\":\"%s/%s\",\"version\":\"%s\"}],"
             "\"preferredVersion\":{\"groupVersion\":\"%s/%s\",\"version\":\"%s\"}}",
             b->data[b->len - 1] == '}' ? "," : "", group, group, version, version, group, version,
             version);
}

static void add_resources(struct api_call *c, const char *group)
{
    struct buf *b = &c->out->body;
    bool is_first = true;
    buf_addf(b,
             "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"%s%s%s\","
             "\"resources\":[",
             group, group[0] ? "/" : "", c->version);
    for (int k = 0; k < N_SIM_KINDS; k++) {
        const struct sim_kind_info *i = &sim_kinds[k];
        if (!text_eq(i->group, group))
            continue;
        buf_addf(b,
                 "%s{\"name\":\"%s\",\"singularName\":\"%s\",\"namespaced\":%s,\"kind\":\"%s\","
                 "\"shortNames\":[%s%s%s],\"verbs\":[\"get\",\"list\",\"watch\"%s]}",
                 is_first ? "" : ",", i->resource, i->one, i->is_namespaced ? "true" : "false",
                 i->kind, i->abbreviation[0] ? "\"" : "", i->abbreviation,
                 i->abbreviation[0] ? "\"" : "",
                 k == SIM_DEPLOYMENT || k == SIM_STATEFULSET || k == SIM_DAEMONSET ? ",\"patch\""
                 : k == SIM_POD                                                    ? ",\"delete\""
                                                                                   : "");
        is_first = false;
    }
    buf_adds(b, "]}\n");
}

/* True: it was one of these. */
static bool discover(struct api_call *c)
{
    struct buf *b = &c->out->body;
    const char *first = part(c, 0);
    if (c->n == 1 &&
        (text_eq(first, "livez") || text_eq(first, "readyz") || text_eq(first, "healthz"))) {
        c->out->type = "text/plain; charset=utf-8";
        buf_adds(b, "ok");
    } else if (c->n == 1 && text_eq(first, "version")) {
        buf_adds(b, "{\"major\":\"1\",\"minor\":\"20\",\"gitVersion\":\"v1.20.2-bakewatch-sim\","
                    "\"gitCommit\":\"\","
                    "\"gitTreeState\":\"clean\",\"buildDate\":\"1970-01-01T00:00:00Z\","
                    "\"goVersion\":\"\",\"compiler\":\"c\","
                    "\"platform\":\"linux/amd64\"}\n");
    } else if (c->q->role == ROLE_ANONYMOUS) {
        return false;
    } else if (c->n == 1 && text_eq(first, "api")) {
        buf_adds(b, "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"]}\n");
    } else if (c->n == 1 && text_eq(first, "apis")) {
        buf_adds(b, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[");
        add_group(b, "apps", "v1");
        add_group(b, "autoscaling", "v1");
        add_group(b, "batch", "v1");
        add_group(b, "authorization.k8s.io", "v1");
        add_group(b, "metrics.k8s.io", "v1beta1");
        buf_adds(b, "]}\n");
    } else if (c->n == 2 && text_eq(first, "api") && text_eq(part(c, 1), "v1")) {
        c->version = "v1";
        add_resources(c, "");
    } else if (c->n == 3 && text_eq(first, "apis")) {
        c->version = part(c, 2);
        add_resources(c, part(c, 1));
    } else {
        return false;
    }
    return true;
}

/* ---- one object, and the way to the others ---- */

static void get_one(struct api_call *c)
{
    struct sim_object *o = store_find(&c->api->world->store, c->kind, c->ns, c->name);
    struct buf *b = &c->out->body;
    if (!o) {
        api_fail(c, 404, "NotFound", "%s%s%s \"%s\" not found", c->resource, c->group[0] ? "." : "",
                 c->group, c->name);
    } else if (strstr(c->q->accept, "as=PartialObjectMetadata;")) {
        buf_adds(
            b,
            "{\"kind\":\"PartialObjectMetadata\",\"apiVersion\":\"meta.k8s.io/v1\",\"metadata\":");
        buf_add(b, o->text->bytes + o->text->meta_at, o->text->meta_n);
        buf_adds(b, "}\n");
    } else {
        api_object(b, o->text);
        buf_addc(b, '\n');
    }
}

static void answer_kind(struct api_call *c)
{
    const char *m = c->q->method;
    bool is_get = text_eq(m, "GET"), is_all = !c->name[0];
    if (is_get && c->kind == SIM_POD && text_eq(c->sub, "log"))
        api_log(c);
    else if (c->kind == SIM_SERVICE && text_eq(c->sub, "proxy"))
        api_proxy(c);
    else if (c->sub[0] && !text_eq(c->sub, "status"))
        api_fail(c, 404, "NotFound", "the server could not find the requested resource");
    else if (is_get && is_all && request_flag(c->q, "watch"))
        api_watch(c);
    else if (is_get && is_all)
        api_list(c);
    else if (is_get)
        get_one(c);
    else if (text_eq(m, "PATCH") && !is_all && !c->sub[0])
        api_patch(c);
    else if (text_eq(m, "DELETE") && !is_all && c->kind == SIM_POD)
        api_delete(c);
    else
        api_fail(c, 405, "MethodNotAllowed",
                 "the server does not allow this method on the requested resource");
}

void api_answer(void *ctx, const struct request *q, struct reply *out)
{
    struct api_call c = { .api = ctx,
                          .q = q,
                          .out = out,
                          .group = "",
                          .version = "",
                          .ns = "",
                          .resource = "",
                          .name = "",
                          .sub = "",
                          .kind = N_SIM_KINDS };
    if (!split(&c)) {
        api_fail(&c, 400, "BadRequest", "a path that is too long");
        return;
    }
    if (discover(&c))
        return;
    if (text_eq(part(&c, 0), "prometheus") && q->role != ROLE_ANONYMOUS) {
        api_prometheus(&c);
        return;
    }
    if (c.n >= 3)
        read_path(&c);
    if (text_starts(c.resource, "selfsubject") && text_eq(c.group, "authorization.k8s.io"))
        review(&c);
    else if (!check_rights(&c))
        return;
    else if (text_eq(c.group, "metrics.k8s.io") && text_eq(c.resource, "pods"))
        api_metrics(&c);
    else if (c.kind < N_SIM_KINDS)
        answer_kind(&c);
    else
        api_fail(&c, 404, "NotFound", "the server could not find the requested resource");
}
