#include "core/store/rows.h"

static void *room_for(struct pack *k, size_t n, size_t size)
{
    return arena_alloc(k->arena, n * size + 1);
}

static void texts(struct pack *k, const char *const **list, size_t *n)
{
    size_t count = pack_count(k, *n, ROWS_NOTICES);
    if (k->out) {
        for (size_t i = 0; i < count; i++)
            pack_text(k, (const char **)&(*list)[i]);
        return;
    }
    const char **made = room_for(k, count, sizeof *made);
    for (size_t i = 0; i < count; i++)
        pack_text(k, &made[i]);
    *list = made;
    *n = count;
}

/* ---- workloads ---- */

void row_workloads(struct pack *k, void *row)
{
    struct workloads *ws = row;
    pack_bool(k, &ws->is_synced);
    texts(k, &ws->notices, &ws->n_notices);
    pack_int(k, &ws->n_absent);
    if (!k->out && ws->n_absent > ws->n_notices)
        k->is_bad = true;
}

static void row_container(struct pack *k, struct container *c)
{
    pack_text(k, &c->name);
    pack_text(k, &c->image);
    pack_text(k, &c->reason);
    pack_text(k, &c->message);
    pack_enum(k, &c->state, CONTAINER_UNKNOWN + 1);
    pack_bool(k, &c->is_init);
    pack_bool(k, &c->is_ready);
    pack_i64(k, &c->restarts);
    pack_i64(k, &c->exit_code);
    pack_i64(k, &c->since_ms);
    pack_text(k, &c->last_reason);
    pack_i64(k, &c->last_finished_ms);
}

static void row_pod(struct pack *k, struct pod *p)
{
    pack_text(k, &p->name);
    pack_text(k, &p->uid);
    pack_text(k, &p->hash);
    pack_text(k, &p->node);
    pack_text(k, &p->phase);
    pack_text(k, &p->status);
    pack_text(k, &p->problem);
    pack_text(k, &p->problem_key);
    pack_enum(k, &p->health, HEALTH_FAIL + 1);
    pack_i64(k, &p->created_ms);
    pack_i64(k, &p->deleted_ms);
    pack_i64(k, &p->ready_since_ms);
    pack_bool(k, &p->is_ready);
    pack_int(k, &p->ready_containers);
    pack_int(k, &p->n_app_containers);
    pack_i64(k, &p->restarts);
    pack_i64(k, &p->last_restart_ms);
    size_t n = pack_count(k, p->n_containers, ROWS_CONTAINERS);
    if (!k->out) {
        p->containers = room_for(k, n, sizeof *p->containers);
        p->n_containers = n;
    }
    for (size_t i = 0; i < n; i++)
        row_container(k, &p->containers[i]);
}

static void row_revision(struct pack *k, struct revision *r)
{
    pack_i64(k, &r->number);
    pack_text(k, &r->name);
    pack_text(k, &r->uid);
    pack_text(k, &r->hash);
    pack_text(k, &r->images);
    pack_text(k, &r->cause);
    pack_i64(k, &r->created_ms);
    pack_i64(k, &r->desired);
    pack_i64(k, &r->ready);
    pack_bool(k, &r->is_current);
}

static void lists_of_workload(struct pack *k, struct workload *w)
{
    size_t n = pack_count(k, w->n_revisions, ROWS_REVISIONS);
    if (!k->out) {
        w->revisions = room_for(k, n, sizeof *w->revisions);
        w->n_revisions = n;
    }
    for (size_t i = 0; i < n; i++)
        row_revision(k, &w->revisions[i]);
    n = pack_count(k, w->n_pods, ROWS_PODS);
    if (!k->out)
        w->pods = room_for(k, n, sizeof *w->pods);
    for (size_t i = 0; i < n && !k->is_bad; i++) {
        struct arena *mine = k->arena;
        if (!k->out) {
            w->pods[i] = pod_new();
            w->pods[i]->ns = w->ns; /* which lives as long: the workload holds the pod, and nobody else does */
            k->arena = &w->pods[i]->arena;
            w->n_pods = i + 1;
        }
        row_pod(k, w->pods[i]);
        k->arena = mine;
    }
}

void row_workload(struct pack *k, void *row)
{
    struct workload *w = row;
    pack_enum(k, &w->kind, WORKLOAD_DAEMONSET + 1);
    pack_text(k, &w->ns);
    pack_text(k, &w->name);
    pack_text(k, &w->uid);
    pack_text(k, &w->id);
    pack_i64(k, &w->created_ms);
    pack_i64(k, &w->generation);
    pack_i64(k, &w->observed_generation);
    pack_i64(k, &w->desired);
    pack_i64(k, &w->ready);
    pack_i64(k, &w->updated);
    pack_i64(k, &w->available);
    pack_i64(k, &w->replicas);
    pack_bool(k, &w->is_paused);
    pack_i64(k, &w->revision);
    pack_text(k, &w->image);
    pack_text(k, &w->image_tag);
    pack_i64(k, &w->deployed_ms);
    pack_i64(k, &w->restarts);
    pack_enum(k, &w->rollout.state, ROLLOUT_ONDELETE + 1);
    pack_text(k, &w->rollout.message);
    pack_enum(k, &w->health, HEALTH_FAIL + 1);
    pack_text(k, &w->problem);
    pack_bool(k, &w->pods_unknown);
    PACK_SOFT(k)
    pack_text(k, &w->hpa); /* "cpu 71%/80%" */
    pack_text(k, &w->services);
    pack_text(k, &w->app);
    pack_text(k, &w->owner);
    lists_of_workload(k, w);
}

void row_event(struct pack *k, void *row)
{
    struct event *ev = row;
    pack_text(k, &ev->ns);
    pack_text(k, &ev->name);
    pack_text(k, &ev->uid);
    pack_text(k, &ev->object_kind);
    pack_text(k, &ev->object_name);
    pack_text(k, &ev->object_uid);
    pack_text(k, &ev->reason);
    pack_text(k, &ev->message);
    pack_text(k, &ev->from);
    pack_bool(k, &ev->is_warning);
    pack_i64(k, &ev->count);
    pack_i64(k, &ev->first_ms);
    pack_i64(k, &ev->last_ms);
}

/* ---- errors ---- */

void row_errors(struct pack *k, void *row)
{
    struct errors *es = row;
    PACK_SOFT(k)
    {
        pack_i64(k, &es->minutes_from_ms);
        for (size_t i = 0; i < (size_t)ERROR_MINUTES * N_SEVERITIES; i++)
            pack_int(k, &es->minutes[i / N_SEVERITIES][i % N_SEVERITIES]);
        pack_i64(k, &es->skew_ms);
    }
    size_t n = pack_count(k, es->n_deploys, ROWS_DEPLOYS);
    int64_t *made = k->out ? NULL : room_for(k, n, sizeof *made);
    for (size_t i = 0; i < n; i++)
        pack_i64(k, k->out ? (int64_t *)&es->deploys_ms[i] : &made[i]);
    if (!k->out) {
        es->deploys_ms = made;
        es->n_deploys = n;
    }
    pack_i64(k, &es->total);
    for (size_t i = 0; i < N_SEVERITIES; i++)
        pack_i64(k, &es->n_open[i]);
    pack_i64(k, &es->dropped);
    pack_i64(k, &es->since_ms);
    pack_bool(k, &es->is_synced);
    pack_i64(k, &es->zone_ms);
    pack_text(k, &es->zone_text);
    pack_text(k, &es->source);
    pack_bool(k, &es->has_steps);
    texts(k, &es->notices, &es->n_notices);
}

static void row_done(struct pack *k, struct error_done *d)
{
    pack_i64(k, &d->at_ms);
    pack_text(k, &d->by);
    pack_text(k, &d->note);
    pack_bool(k, &d->is_local);
}

static void row_of_table(struct pack *k, struct error_row *r)
{
    pack_i64(k, &r->id);
    pack_int(k, &r->nulls);
    pack_i64(k, &r->local_ms);
    pack_i64(k, &r->resolved_local_ms);
    pack_bool(k, &r->is_zoned);
    pack_i64(k, &r->received_ms);
    pack_bool(k, &r->is_fresh);
    pack_text(k, &r->service);
    pack_text(k, &r->environment);
    pack_text(k, &r->stage);
    pack_text(k, &r->code);
    pack_text(k, &r->severity_text);
    pack_text(k, &r->message);
    pack_text(k, &r->user_impact);
    pack_text(k, &r->business_impact);
    pack_text(k, &r->notes);
    pack_text(k, &r->resolved_by);
    pack_i64(k, &r->stack_bytes);
    pack_bool(k, &r->is_cut);
    pack_enum(k, &r->severity, N_SEVERITIES);
    pack_enum(k, &r->category, N_CATEGORIES);
    pack_u64(k, &r->fingerprint);
}

void row_error(struct pack *k, void *row)
{
    struct error_item *it = row;
    row_of_table(k, it->row);
    pack_i64(k, &it->at_ms);
    pack_i64(k, &it->resolved_ms);
    pack_enum(k, &it->due, DUE_IMPLEMENTATION + 1);
    pack_i64(k, &it->due_ms);
    pack_text(k, &it->workload);
    size_t n = pack_count(k, it->steps ? N_STEPS : 0, N_STEPS);
    struct error_done *made = k->out || !n ? NULL : room_for(k, N_STEPS, sizeof *made);
    for (size_t i = 0; i < n; i++)
        row_done(k, k->out ? (struct error_done *)&it->steps[i] : &made[i]);
    for (size_t i = n; made && i < N_STEPS; i++)
        made[i] = (struct error_done){ .at_ms = TIME_NONE, .by = "", .note = "" };
    if (!k->out)
        it->steps = made;
}

void row_group(struct pack *k, void *row)
{
    struct error_group *g = row;
    pack_u64(k, &g->fingerprint);
    pack_text(k, &g->id);
    pack_text(k, &g->service);
    pack_text(k, &g->code);
    pack_text(k, &g->message);
    pack_text(k, &g->workload);
    pack_enum(k, &g->severity, N_SEVERITIES);
    pack_enum(k, &g->category, N_CATEGORIES);
    pack_i64(k, &g->n_open);
    pack_i64(k, &g->first_ms);
    PACK_SOFT(k)
    {
        pack_i64(k, &g->count);
        pack_i64(k, &g->last_ms);
        pack_double(k, &g->per_minute);
        pack_i64(k, &g->before);
        pack_i64(k, &g->after);
    }
    pack_enum(k, &g->novelty, NOVELTY_NEW + 1);
    pack_i64(k, &g->deployed_ms);
}

void row_open(struct pack *k, void *row)
{
    struct error_open *o = row;
    pack_text(k, &o->workload);
    for (size_t i = 0; i < N_SEVERITIES; i++)
        pack_i64(k, &o->n[i]);
}

/* ---- sources ---- */

void row_sources(struct pack *k, void *row)
{
    struct sources *s = row;
    pack_enum(k, &s->worst, SOURCE_UNSET + 1);
    pack_i64(k, &s->lost_ms);
    PACK_SOFT(k)
    {
        pack_i64(k, &s->oldest_proof_ms);
        pack_double(k, &s->requests_per_s);
        pack_u64(k, &s->bytes_in);
    }
}

void row_source(struct pack *k, void *row)
{
    struct source_health *h = row;
    pack_text(k, &h->name);
    pack_enum(k, &h->state, SOURCE_UNSET + 1);
    pack_i64(k, &h->since_ms);
    pack_text(k, &h->text);
    pack_text(k, &h->cause);
    pack_i64(k, &h->audit_ms);
    PACK_SOFT(k)
    {
        pack_i64(k, &h->proved_ms);
        pack_i64(k, &h->retry_ms);
        pack_i64(k, &h->objects);
        pack_double(k, &h->requests_per_s);
    }
}

/* ---- verdict ---- */

void row_verdict(struct pack *k, void *row)
{
    struct verdict *v = row;
    pack_enum(k, &v->word, VERDICT_ROLLBACK + 1);
    pack_bool(k, &v->is_so_far);
    pack_text(k, &v->lacks);
    pack_i64(k, &v->observer_lost_ms);
    PACK_SOFT(k)
    {
        pack_text(k, &v->rule); /* with its counts */
        pack_i64(k, &v->judged_ms);
    }
}

static void row_trigger(struct pack *k, struct trigger *t)
{
    pack_enum(k, &t->kind, N_TRIGGERS);
    pack_enum(k, &t->state, TRIGGER_FIRED + 1);
    pack_bool(k, &t->is_required);
    pack_bool(k, &t->is_preexisting);
    pack_text(k, &t->source);
    pack_i64(k, &t->since_ms);
    pack_i64(k, &t->limit);
    pack_double(k, &t->threshold);
    PACK_SOFT(k)
    {
        pack_text(k, &t->rule);
        pack_i64(k, &t->sampled_ms);
        pack_i64(k, &t->n);
        pack_i64(k, &t->count);
        pack_double(k, &t->value);
        pack_double(k, &t->baseline);
        pack_double(k, &t->coverage);
        size_t n = pack_count(k, t->n_evidence, VERDICT_EVIDENCE);
        struct evidence *made = k->out ? NULL : room_for(k, n, sizeof *made);
        for (size_t i = 0; i < n; i++) {
            pack_text(k, k->out ? (const char **)&t->evidence[i].label : &made[i].label);
            pack_text(k, k->out ? (const char **)&t->evidence[i].text : &made[i].text);
        }
        if (!k->out) {
            t->evidence = made;
            t->n_evidence = n;
        }
    }
}

void row_bake(struct pack *k, void *row)
{
    struct bake *b = row;
    pack_text(k, &b->subject);
    pack_text(k, &b->name);
    pack_text(k, &b->what);
    pack_i64(k, &b->revision);
    pack_i64(k, &b->deployed_ms);
    pack_i64(k, &b->window_end_ms);
    pack_i64(k, &b->extended_end_ms);
    pack_bool(k, &b->is_by_hand);
    pack_enum(k, &b->phase, BAKE_OVER + 1);
    pack_enum(k, &b->word, VERDICT_ROLLBACK + 1);
    pack_enum(k, &b->window_word, VERDICT_ROLLBACK + 1);
    pack_i64(k, &b->word_since_ms);
    pack_i64(k, &b->first_rollback_ms);
    pack_enum(k, &b->decides, N_TRIGGERS);
    PACK_SOFT(k)
    pack_text(k, &b->rule);
    size_t n = pack_count(k, N_TRIGGERS, N_TRIGGERS);
    for (size_t i = 0; i < n; i++)
        row_trigger(k, &b->triggers[i]);
    for (size_t i = 0; i < n && !k->out; i++)
        k->is_bad |= b->triggers[i].kind != (enum trigger_kind)i;
    for (size_t i = n; i < N_TRIGGERS; i++) /* of an older console, which had fewer */
        b->triggers[i] = (struct trigger){
            .kind = (enum trigger_kind)i, .rule = "", .source = "", .since_ms = TIME_NONE, .sampled_ms = TIME_NONE
        };
    pack_i64(k, &b->baseline_from_ms);
    pack_i64(k, &b->baseline_to_ms);
    pack_i64(k, &b->baseline_n);
    pack_double(k, &b->baseline_p95_ms);
    pack_double(k, &b->baseline_error_share);
    pack_text(k, &b->baseline_source);
}

void row_mark(struct pack *k, void *row)
{
    struct mark *m = row;
    pack_enum(k, &m->kind, MARK_WINDOW_END + 1);
    pack_i64(k, &m->at_ms);
    pack_i64(k, &m->until_ms);
    pack_text(k, &m->subject);
    pack_text(k, &m->text);
    pack_enum(k, &m->word, VERDICT_ROLLBACK + 1);
    pack_enum(k, &m->state, TRIGGER_FIRED + 1);
}

void row_check(struct pack *k, void *row)
{
    struct check *c = row;
    pack_text(k, &c->subject);
    pack_text(k, &c->name);
    pack_int(k, &c->outcome);
    pack_double(k, &c->limit);
    PACK_SOFT(k)
    {
        pack_text(k, &c->text);
        pack_double(k, &c->value);
        pack_i64(k, &c->at_ms);
    }
}

void row_tracks(struct pack *k, void *row)
{
    struct tracks *t = row;
    pack_double(k, &t->error_limit);
}

void row_band(struct pack *k, void *row)
{
    struct track *t = row;
    pack_text(k, &t->subject);
    pack_double(k, &t->band_low_ms);
    pack_double(k, &t->band_high_ms);
    pack_double(k, &t->limit_ms);
    pack_i64(k, &t->deployed_ms);
}
