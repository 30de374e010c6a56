/* Row sections as frames: what was there comes back, changes are small, and bytes from anywhere are read or
 * refused. */
#include "tests/unit/unit.h"

#include "core/store/frame.h"
#include "core/store/pack.h"
#include "tests/unit/made.h"

static const int64_t began_ms = 1764064800000;
static struct err e;

static int64_t read_ms; /* the time that is read */

static struct snap *read_all(const struct frame_bytes *b, size_t n)
{
    struct frame_reader *r = frame_reader_new();
    struct snap *s = NULL;
    for (size_t i = 0; i < n; i++) {
        if (b[i].frame.len && frame_read(r, b[i].frame.data, b[i].frame.len, &e))
            fail_msg("%s", e.text);
    }
    if (frame_snap(r, read_ms, &s, &e))
        fail_msg("%s", e.text);
    frame_reader_free(r);
    return s;
}

static void release(struct frame_bytes *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        frame_bytes_release(&b[i]);
}

/* Two snapshots that say the same make the same key frame. */
static void is_same(struct snap *a, struct snap *b)
{
    struct frame_writer *w = frame_writer_new();
    struct frame_bytes out[2] = { 0 };
    frame_write(w, a, began_ms, &out[0]);
    frame_writer_reset(w);
    frame_write(w, b, began_ms, &out[1]);
    assert_true(out[0].is_key && out[1].is_key);
    assert_int_equal(out[0].frame.len, out[1].frame.len);
    assert_memory_equal(out[0].frame.data, out[1].frame.data, out[0].frame.len);
    release(out, 2);
    frame_writer_free(w);
}

static void all_comes_back(void **state)
{
    struct frame_writer *w = frame_writer_new();
    struct frame_bytes b = { 0 };
    struct snap *s = made_snap(20, 5, 3, began_ms + 600000, began_ms);
    (void)state;
    frame_write(w, s, began_ms + 600000, &b);
    struct snap *back = read_all(&b, 1);
    is_same(s, back);
    const struct workloads *ws = (const struct workloads *)back->sections[SECTION_WORKLOADS];
    const struct workloads *was = (const struct workloads *)s->sections[SECTION_WORKLOADS];
    assert_int_equal(ws->n, 20);
    assert_int_equal(ws->n_pods, 100);
    assert_int_equal(ws->n_health[HEALTH_FAIL], 1);
    assert_true(ws->is_synced);
    for (size_t i = 0; i < ws->n; i++) {
        const struct workload *x = ws->items[i];
        assert_string_equal(x->id, was->items[i]->id);
        assert_int_equal(x->total.cpu_millis, was->items[i]->total.cpu_millis);
        assert_int_equal(x->total.memory_bytes, was->items[i]->total.memory_bytes);
        assert_string_equal(x->pods[4]->ns, "shop");
        assert_true(x->n_events >= 10); /* of 300 that were kept, by the objects that they name */
        assert_null(x->usage);
    }
    assert_string_equal(ws->items[3]->pods[0]->status, "CrashLoopBackOff");
    const struct errors *es = (const struct errors *)back->sections[SECTION_ERRORS];
    assert_int_equal(es->n, FRAME_ERRORS);
    assert_int_equal(es->total, ((const struct errors *)s->sections[SECTION_ERRORS])->total);
    for (size_t i = 0; i < es->n; i++)
        assert_int_equal(es->groups[es->items[i].group].fingerprint, es->items[i].row->fingerprint);
    const struct verdict *v = (const struct verdict *)back->sections[SECTION_VERDICT];
    assert_int_equal(v->n_bakes, 20);
    assert_int_equal(v->n_marks, 2);
    assert_int_equal(verdict_bake(v, "deployment.apps/shop/service-007")->triggers[TRIGGER_ERRORS].n_evidence, 6);
    assert_int_equal(((const struct sources *)back->sections[SECTION_SOURCES])->n, 10);
    assert_null(back->sections[SECTION_IDENT]);
    snap_unref(back);
    snap_unref(s);
    release(&b, 1);
    frame_writer_free(w);
}

static void changes_are_small(void **state)
{
    enum { N = 60 };
    struct frame_writer *w = frame_writer_new();
    struct frame_bytes b[N] = { 0 };
    struct snap *s = NULL;
    (void)state;
    for (int i = 0; i < N; i++) {
        int64_t at = began_ms + i * 5000;
        snap_unref(s);
        s = made_snap(20, 5, i < 30 ? -1 : 3, at, began_ms);
        frame_write(w, s, at, &b[i]);
        assert_true(b[i].is_key == !i);
        assert_true(!i || b[i].frame.len < b[0].frame.len / 2);
    }
    struct snap *back = read_all(b, 30);
    assert_int_equal(((const struct workloads *)back->sections[SECTION_WORKLOADS])->n_health[HEALTH_FAIL], 0);
    assert_int_equal(((const struct verdict *)back->sections[SECTION_VERDICT])->n_marks, 2);
    snap_unref(back);
    back = read_all(b, 5);
    assert_int_equal(((const struct verdict *)back->sections[SECTION_VERDICT])->n_marks, 1);
    snap_unref(back);
    back = read_all(b, N);
    const struct workloads *ws = (const struct workloads *)back->sections[SECTION_WORKLOADS];
    assert_int_equal(ws->n_health[HEALTH_FAIL], 1);
    assert_string_equal(ws->items[3]->problem, "1 pod CrashLoopBackOff");
    const struct events *evs = (const struct events *)back->sections[SECTION_EVENTS];
    assert_int_equal(evs->n, FRAME_EVENTS); /* the old ones have gone */
    assert_int_equal(evs->items[0]->last_ms, (began_ms + (N - 1) * 5000) / 10000 * 10000);
    /* sources move with every frame */
    assert_int_equal(((const struct sources *)back->sections[SECTION_SOURCES])->bytes_in,
                     began_ms + (N - 1) * 5000);
    snap_unref(back);
    snap_unref(s);
    release(b, N);
    frame_writer_free(w);
}

static void nothing_new_is_nothing(void **state)
{
    struct frame_writer *w = frame_writer_new();
    struct frame_bytes b[4] = { 0 };
    struct snap *s = snap_new(NULL);
    (void)state;
    snap_set(s, SECTION_WORKLOADS, made_workloads(20, 5, -1, began_ms));
    frame_write(w, s, began_ms, &b[0]);
    frame_write(w, s, began_ms + 5000, &b[1]);
    assert_int_equal(b[1].frame.len, 0);
    /* use moves softly: not at once, and then it does, though the section is no other */
    snap_set(s, SECTION_WORKLOADS, made_workloads(20, 5, -1, began_ms));
    frame_write(w, s, began_ms + 10000, &b[2]);
    assert_int_equal(b[2].frame.len, 0);
    frame_write(w, s, began_ms + 15000, &b[3]);
    assert_in_range(b[3].frame.len, 20, 1000);
    frame_bytes_release(&b[3]);
    memset(&b[3], 0, sizeof b[3]);
    frame_write(w, s, began_ms + 300000, &b[3]);
    assert_true(b[3].is_key && b[3].frame.len);
    snap_unref(s);
    release(b, 4);
    frame_writer_free(w);
}

static void what_is_gone_is_gone(void **state)
{
    struct frame_writer *w = frame_writer_new();
    struct frame_bytes b[3] = { 0 };
    struct snap *s = snap_new(NULL);
    (void)state;
    snap_set(s, SECTION_WORKLOADS, made_workloads(5, 2, -1, began_ms));
    snap_set(s, SECTION_SOURCES, made_sources(began_ms));
    frame_write(w, s, began_ms, &b[0]);
    snap_set(s, SECTION_WORKLOADS, made_workloads(3, 2, -1, began_ms));
    frame_write(w, s, began_ms + 5000, &b[1]);
    struct snap *back = read_all(b, 2);
    assert_int_equal(((const struct workloads *)back->sections[SECTION_WORKLOADS])->n, 3);
    assert_null(back->sections[SECTION_VERDICT]); /* never recorded is not empty */
    snap_unref(back);
    snap_set(s, SECTION_WORKLOADS, NULL);
    frame_write(w, s, began_ms + 10000, &b[2]);
    back = read_all(b, 3);
    assert_null(back->sections[SECTION_WORKLOADS]);
    assert_non_null(back->sections[SECTION_SOURCES]);
    snap_unref(back);
    snap_set(s, SECTION_WORKLOADS, workloads_new(0)); /* and empty is not: not recorded */
    release(b, 1);
    memset(b, 0, sizeof *b);
    frame_writer_reset(w);
    frame_write(w, s, began_ms, &b[0]);
    back = read_all(b, 1);
    assert_int_equal(((const struct workloads *)back->sections[SECTION_WORKLOADS])->n, 0);
    snap_unref(back);
    snap_unref(s);
    release(b, 3);
    frame_writer_free(w);
}

static bool take_track(void *ctx, int64_t at_ms, const struct buf *packed)
{
    if (frame_read_track(ctx, at_ms, buf_str(packed), packed->len, &e))
        fail_msg("%s", e.text);
    return true;
}

static void courses(void **state)
{
    struct frame_writer *w = frame_writer_new();
    struct frame_reader *r = frame_reader_new();
    struct snap *s = snap_new(NULL), *back = NULL;
    struct frame_bytes b = { 0 };
    int64_t at = began_ms;
    (void)state;
    frame_writer_since(w, began_ms - TRACK_STEP_MS); /* what was before is on record */
    for (; at < began_ms + 3000000; at += 5000) {
        snap_set(s, SECTION_TRACKS, made_tracks(7, at, began_ms));
        frame_write_tracks(w, s, take_track, r);
    }
    frame_write(w, s, at, &b);
    assert_int_equal(frame_read(r, b.frame.data, b.frame.len, &e), ERR_OK);
    assert_int_equal(frame_snap(r, at - 5000, &back, &e), ERR_OK);
    const struct tracks *t = (const struct tracks *)back->sections[SECTION_TRACKS];
    const struct tracks *was = (const struct tracks *)s->sections[SECTION_TRACKS];
    assert_int_equal(t->n, 7);
    assert_int_equal(t->from_ms, was->from_ms);
    assert_float_equal(t->error_limit, 0.05, 0);
    for (size_t i = 0; i < t->n; i++) {
        assert_float_equal(t->items[i].limit_ms, 180.75, 0);
        for (size_t p = 0; p < TRACK_POINTS; p++) {
            bool is_there = t->from_ms + (int64_t)p * TRACK_STEP_MS >= began_ms && p < TRACK_POINTS - TRACK_LAG;
            assert_true(is_there ? t->items[i].p95_ms[p] == was->items[i].p95_ms[p] : isnan(t->items[i].p95_ms[p]));
            assert_true(is_there ? t->items[i].probe_ms[p] == was->items[i].probe_ms[p]
                                 : isnan(t->items[i].probe_ms[p]));
        }
    }
    snap_unref(back);
    snap_unref(s);
    frame_reader_free(r);
    release(&b, 1);
    frame_writer_free(w);
}

/* Every byte changed, and every length: right or refused, and nothing beyond the end. */
static void broken_frames(void **state)
{
    struct frame_writer *w = frame_writer_new();
    struct frame_bytes b = { 0 };
    struct snap *s = made_snap(2, 1, 0, began_ms + 600000, began_ms);
    struct buf plain = BUF_INIT(PACK_BYTES);
    size_t taken = 0;
    (void)state;
    frame_write(w, s, began_ms + 600000, &b);
    assert_int_equal(pack_expand(&plain, b.frame.data, b.frame.len, &e), ERR_OK);
    for (size_t i = 0; i < plain.len; i += i < 3000 ? 1 : 97) {
        struct buf packed = BUF_INIT(PACK_BYTES);
        struct frame_reader *r = frame_reader_new();
        struct snap *back = NULL;
        plain.data[i] = (char)~plain.data[i];
        pack_squeeze(&packed, plain.data, i & 1 ? plain.len : i);
        plain.data[i] = (char)~plain.data[i];
        if (!frame_read(r, packed.data, packed.len, &e) && !frame_snap(r, read_ms, &back, &e))
            taken++;
        snap_unref(back);
        frame_reader_free(r);
        buf_release(&packed);
    }
    assert_true(taken > 0); /* a letter may be any */
    buf_release(&plain);
    snap_unref(s);
    release(&b, 1);
    frame_writer_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_comes_back),
        cmocka_unit_test(changes_are_small),
        cmocka_unit_test(nothing_new_is_nothing),
        cmocka_unit_test(what_is_gone_is_gone),
        cmocka_unit_test(courses),
        cmocka_unit_test(broken_frames),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
