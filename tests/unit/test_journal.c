/* The journal: what was acknowledged stays, what was changed is noticed, what is not ours is left
 * alone. */
#include "tests/unit/unit.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "tests/unit/journal.h"

static void what_is_appended_is_read(void **state)
{
    (void)state;
    struct seen all = { 0 }, one = { 0 }, tail = { 0 }, two = { .most = 2 };
    make(3);
    make(3); /* by another console */
    struct journal *j = opened();
    assert_int_equal(journal_each(j, NULL, 0, see, &all, &e), ERR_OK);
    assert_int_equal(journal_each(j, OP_B, 0, see, &one, &e), ERR_OK);
    assert_int_equal(journal_each(j, NULL, 5, see, &tail, &e), ERR_OK);
    assert_int_equal(journal_each(j, NULL, 0, see, &two, &e), ERR_OK);
    journal_close(j);
    assert_int_equal(all.n, 6);
    assert_string_equal(all.details[3], "detail 1");
    assert_true(one.n == 2 && one.seqs[0] == 2 && one.seqs[1] == 5);
    assert_true(tail.n == 2 && tail.seqs[0] == 5);
    assert_int_equal(two.n, 2);
    is_sound(6);
}

static bool keep(void *ctx, const struct entry *en)
{
    struct entry *out = ctx;
    memcpy(out->hash, en->hash, sizeof out->hash);
    memcpy(out->prev, en->prev, sizeof out->prev);
    assert_int_equal(en->state, ENTRY_UNKNOWN);
    assert_int_equal(en->at_ms, 1795600000123);
    assert_string_equal(en->op, OP_A);
    assert_string_equal(en->action, "error-resolve");
    assert_string_equal(en->target, "deployment_errors/4711");
    assert_string_equal(en->who, "ann@bastion-1");
    assert_string_equal(en->where, "prod (production)");
    assert_string_equal(en->detail, "\xff\x1b[31m \"it's\"");
    return true;
}

/* The bytes that are hashed are a format: an old journal must verify for ever. */
static void the_hash_is_what_it_was(void **state)
{
    (void)state;
    struct entry en = entry(OP_A, ENTRY_UNKNOWN, "\xff\x1b[31m \"it's\""), back;
    struct journal *j = opened();
    assert_int_equal(journal_append(j, &en, &e), ERR_OK);
    assert_int_equal(journal_each(j, NULL, 0, keep, &back, &e), ERR_OK);
    journal_close(j);
    assert_int_equal(en.seq, 1);
    assert_string_equal(en.prev, "0000000000000000000000000000000000000000000000000000000000000000");
    assert_string_equal(en.hash, "453076ad1ced646bf9857bca67e1c545750127ca81a1d4b3f5ec82d97e918083");
    assert_string_equal(back.hash, en.hash);
    assert_string_equal(back.prev, en.prev);
    is_sound(1);
}

static void texts_have_a_limit(void **state)
{
    (void)state;
    static char big[ENTRY_TEXT + 2];
    struct journal *j = opened();
    memset(big, 'x', ENTRY_TEXT + 1);
    struct entry en = entry(OP_A, ENTRY_INTENT, big);
    assert_int_equal(journal_append(j, &en, &e), ERR_LIMIT);
    assert_int_equal(en.seq, 0);
    big[ENTRY_TEXT] = '\0';
    assert_int_equal(journal_append(j, &en, &e), ERR_OK);
    journal_close(j);
    is_sound(1);
}

/* Takes rows 3 and on out and puts others in whose chain is right: only the head can tell. */
static const char rewrite[] =
    "UPDATE entry SET prev = (SELECT hash FROM entry WHERE seq = 2) WHERE seq = 5;"
    "DELETE FROM entry WHERE seq IN (3, 4); UPDATE entry SET seq = 3 WHERE seq = 5";

static void tampering_is_noticed(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        int64_t good, bad;
        const char *text;
    } cases[] = {
        { "UPDATE entry SET detail = 'other' WHERE seq = 3", 2, 3, "entry 3 was changed" },
        { "UPDATE entry SET at_ms = at_ms + 1 WHERE seq = 1", 0, 1, "entry 1 was changed" },
        { "UPDATE entry SET action = 'error-resolv', target = 'e' || target WHERE seq = 2", 1, 2, "was changed" },
        { "UPDATE entry SET detail = detail || char(0) || 'hidden' WHERE seq = 2", 1, 2, "entry 2 was changed" },
        { "UPDATE entry SET hash = upper(hash) WHERE seq = 5", 4, 5, "entry 5 was changed" },
        { "UPDATE entry SET prev = hash WHERE seq = 4", 3, 4, "entry 4 does not follow" },
        { "DELETE FROM entry WHERE seq = 2", 1, 2, "entry 2 is missing" },
        { "DELETE FROM entry WHERE seq = 1", 0, 1, "entry 1 is missing" },
        { "DELETE FROM entry WHERE seq > 3", 3, 4, "2 entries are missing: the journal ends at 3" },
        { "DELETE FROM entry", 0, 1, "5 entries are missing" },
        { "UPDATE entry SET seq = -seq; UPDATE entry SET seq = 3 WHERE seq = -2;"
          "UPDATE entry SET seq = 2 WHERE seq = -3; UPDATE entry SET seq = abs(seq)", 1, 2, "entry 2 does not follow" },
        { rewrite, 2, 3, "entry 3 was changed" },
        { "INSERT INTO entry SELECT 6, at_ms, op, state, action, target, who, place, detail, hash, hash"
          " FROM entry WHERE seq = 5", 5, 6, "entry 6 was changed" },
        { "DROP TABLE entry", 0, 0, "no such table" },
        { "PRAGMA user_version = 2", 0, 0, "newer bakewatch" },
        { "PRAGMA application_id = 1", 0, 0, "something else" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        state_remove(dir.path);
        state_new(&dir);
        make(5);
        state_sql(&dir, "journal.db", cases[i].sql);
        struct journal_check c = verified();
        if (c.n != cases[i].good || c.bad_seq != cases[i].bad || !strstr(c.text, cases[i].text))
            fail_msg("%s: %" PRId64 " good, bad %" PRId64 ", \"%s\"", cases[i].sql, c.n, c.bad_seq, c.text);
    }
}

static void the_head_is_noticed(void **state)
{
    (void)state;
    static const struct {
        const char *bytes; /* NULL = gone */
        int64_t good, bad;
        const char *text;
    } cases[] = {
        { NULL, 3, 0, "journal.head is missing" },
        { "", 3, 0, "its bytes are no head" },
        { "3\n", 3, 0, "its bytes are no head" },
        { "\x93\x01\xff random \0 bytes", 3, 0, "its bytes are no head" },
        { "9 0000000000000000000000000000000000000000000000000000000000000000\n", 3, 4, "6 entries are missing" },
        { "3 0000000000000000000000000000000000000000000000000000000000000000\n", 2, 3, "not the one of journal.head" },
        { "2 0000000000000000000000000000000000000000000000000000000000000000\n", 1, 2, "not the one of journal.head" },
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        state_remove(dir.path);
        state_new(&dir);
        make(3);
        if (cases[i].bytes)
            state_write(&dir, "journal.head", cases[i].bytes, strlen(cases[i].bytes));
        else
            unlink(state_path(&dir, "journal.head"));
        struct journal_check c = verified();
        if (c.n != cases[i].good || c.bad_seq != cases[i].bad || !strstr(c.text, cases[i].text))
            fail_msg("case %zu: %" PRId64 " good, bad %" PRId64 ", \"%s\"", i, c.n, c.bad_seq, c.text);
        struct buf before, after;
        struct journal *j = NULL;
        state_read(&dir, "journal.head", &before);
        assert_int_equal(journal_open(&dir, &j, &e), ERR_PARSE); /* to go on would hide it */
        state_read(&dir, "journal.head", &after);
        assert_true(before.len == after.len && !memcmp(buf_str(&before), buf_str(&after), after.len));
        buf_release(&before);
        buf_release(&after);
    }
}

/* A kill between entry and head leaves a head that is behind: nothing is wrong, and it goes on. */
static void an_older_head_is_no_finding(void **state)
{
    (void)state;
    struct buf head;
    make(2);
    state_read(&dir, "journal.head", &head);
    make(1);
    state_write(&dir, "journal.head", buf_str(&head), head.len);
    buf_release(&head);
    is_sound(3);
    make(1);
    is_sound(4);
}

static void a_console_that_runs_notices_a_cut(void **state)
{
    (void)state;
    make(3);
    struct journal *j = opened();
    state_sql(&dir, "journal.db", "DELETE FROM entry WHERE seq = 3");
    struct entry en = entry(OP_A, ENTRY_INTENT, "x");
    assert_int_equal(journal_append(j, &en, &e), ERR_PARSE);
    assert_non_null(strstr(e.text, "it was cut: it ends at 2, journal.head says 3"));
    journal_close(j);
    assert_int_equal(verified().bad_seq, 3);
}

static void no_journal_is_no_finding(void **state)
{
    (void)state;
    struct journal *j = NULL;
    is_sound(0);
    assert_int_equal(journal_open_to_read(&dir, &j, &e), ERR_NOTFOUND);
    assert_int_equal(access(state_path(&dir, "journal.db"), F_OK), -1); /* reading makes nothing */
    make(1);
    unlink(state_path(&dir, "journal.db"));
    struct journal_check c = verified();
    assert_non_null(strstr(c.text, "journal.db is missing"));
    assert_int_equal(c.bad_seq, 1);
}

static void damaged_bytes_are_noticed(void **state)
{
    (void)state;
    struct buf good;
    struct journal_check c;
    make(40);
    state_read(&dir, "journal.db", &good);
    unsigned seed = 7;
    for (int round = 0; round < 200; round++) { /* a page of noise anywhere */
        char *bytes = malloc(good.len);
        size_t at = (size_t)rand_r(&seed) % (good.len - 512);
        memcpy(bytes, buf_str(&good), good.len);
        for (size_t i = 0; i < 512; i++)
            bytes[at + i] = (char)rand_r(&seed);
        state_write(&dir, "journal.db", bytes, good.len);
        free(bytes);
        if (journal_verify(&dir, &c, &e) == ERR_OK && !c.text[0] && c.n != 40)
            fail_msg("round %d: %" PRId64 " entries, and all good", round, c.n);
    }
    state_write(&dir, "journal.db", buf_str(&good), good.len / 2);
    assert_true(verified().text[0]);
    state_write(&dir, "journal.db", "not a database at all, but longer than a header is ........", 60);
    assert_true(verified().text[0]);
    state_write(&dir, "journal.db", "", 0);
    assert_non_null(strstr(verified().text, "journal.db is missing or empty"));
    buf_release(&good);
}

static void foreign_files_are_left_alone(void **state)
{
    (void)state;
    static const char *const names[] = { "journal.db", "journal.db-wal" };
    for (int kind = 0; kind < 4; kind++) {
        struct buf before[2], after[2];
        struct journal *j = NULL;
        state_remove(dir.path);
        state_new(&dir);
        if (kind == 0) {
            char noise[8192];
            unsigned seed = 1;
            for (size_t i = 0; i < sizeof noise; i++)
                noise[i] = (char)rand_r(&seed);
            state_write(&dir, "journal.db", noise, sizeof noise);
        } else if (kind == 1) {
            state_sql(&dir, "journal.db", "CREATE TABLE places (url TEXT); INSERT INTO places VALUES ('x')");
        } else if (kind == 2) {
            make(2);
            state_sql(&dir, "journal.db", "PRAGMA user_version = 7");
        } else { /* somebody else's WAL, which SQLite would take in */
            make(2);
            state_sql(&dir, "journal.db", "PRAGMA journal_mode = DELETE");
            sqlite3 *db;
            assert_int_equal(sqlite3_open(state_path(&dir, "other.db"), &db), SQLITE_OK);
            assert_int_equal(sqlite3_exec(db, "PRAGMA journal_mode = WAL; CREATE TABLE t (x); INSERT INTO t VALUES (1)",
                                          NULL, NULL, NULL), SQLITE_OK);
            struct buf wal, main_file;
            state_read(&dir, "other.db-wal", &wal);
            state_read(&dir, "other.db", &main_file);
            sqlite3_close(db);
            assert_true(wal.len > 0);
            state_write(&dir, "journal.db", buf_str(&main_file), main_file.len);
            state_write(&dir, "journal.db-wal", buf_str(&wal), wal.len);
            buf_release(&wal);
            buf_release(&main_file);
        }
        chmod(state_path(&dir, "journal.db"), 0600);
        for (int i = 0; i < 2; i++)
            state_read(&dir, names[i], &before[i]);
        e = (struct err){ 0 };
        if (journal_open(&dir, &j, &e) != ERR_PARSE)
            fail_msg("kind %d: %s", kind, e.text);
        for (int i = 0; i < 2; i++) {
            state_read(&dir, names[i], &after[i]);
            if (before[i].len != after[i].len || memcmp(buf_str(&before[i]), buf_str(&after[i]), after[i].len) != 0)
                fail_msg("kind %d: %s is not as it was", kind, names[i]);
            buf_release(&before[i]);
            buf_release(&after[i]);
        }
    }
}

static void files_are_ours_alone(void **state)
{
    (void)state;
    static const char *const names[] = { "journal.db", "journal.head", "journal.lock", "journal.db-wal" };
    struct stat st;
    struct journal *j = NULL;
    mode_t mask = umask(0);
    make(1);
    j = opened();
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (lstat(state_path(&dir, names[i]), &st) || (st.st_mode & 07777) != 0600)
            fail_msg("%s: %o", names[i], st.st_mode & 07777);
    }
    umask(mask);
    journal_close(j);
    chmod(state_path(&dir, "journal.db"), 0644);
    assert_int_equal(journal_open(&dir, &j, &e), ERR_PARSE);
    assert_non_null(strstr(e.text, "open to others"));
    state_remove(dir.path);
    state_new(&dir);
    state_write(&dir, "target", "", 0);
    assert_int_equal(symlink("target", state_path(&dir, "journal.db")), 0);
    assert_int_equal(journal_open(&dir, &j, &e), ERR_PARSE);
    assert_int_equal(stat(state_path(&dir, "target"), &st), 0);
    assert_int_equal(st.st_size, 0);
    unlink(state_path(&dir, "journal.db"));
    assert_int_equal(mkfifo(state_path(&dir, "journal.db"), 0600), 0);
    assert_int_equal(journal_open(&dir, &j, &e), ERR_PARSE);
    assert_non_null(strstr(verified().text, "no regular file")); /* and does not wait */
}

/* ---- processes ---- */

static void child_appends(int fd, int n, size_t size)
{
    struct journal *j;
    char *detail = calloc(1, size + 1);
    memset(detail, 'd', size);
    if (journal_open(&dir, &j, &e))
        _exit(1);
    for (int i = 0; i < n; i++) {
        struct entry en = entry(OP_A, ENTRY_INTENT, detail);
        if (journal_append(j, &en, &e) || write(fd, &en.seq, sizeof en.seq) != sizeof en.seq)
            _exit(2);
    }
    _exit(0);
}

static void killed_loses_nothing_acknowledged(void **state)
{
    (void)state;
    int rounds = getenv("ROUNDS") ? 5 * atoi(getenv("ROUNDS")) : 5;
    int64_t acknowledged = 0;
    for (int round = 0; round < rounds; round++) {
        int fds[2], enough = 3 + round * 7 % 30;
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        if (!pid)
            child_appends(fds[1], 1000000, 600);
        close(fds[1]);
        for (int64_t seq, got = 0; read(fds[0], &seq, sizeof seq) == sizeof seq;) {
            assert_int_equal(seq, round ? acknowledged + 1 : got + 1);
            acknowledged = seq;
            if (++got == enough)
                kill(pid, SIGKILL); /* what is in the pipe is still read */
        }
        close(fds[0]);
        waitpid(pid, NULL, 0);
        struct journal_check c = verified();
        assert_string_equal(c.text, "");
        assert_true(c.n == acknowledged || c.n == acknowledged + 1); /* one may be done and not told */
        acknowledged = c.n;
    }
    make(1);
    is_sound(acknowledged + 1);
}

static void two_consoles_make_one_chain(void **state)
{
    (void)state;
    enum { EACH = 60 };
    int fds[2], status;
    bool is_seen[2 * EACH + 1] = { false };
    assert_int_equal(pipe(fds), 0);
    pid_t pids[2];
    for (int i = 0; i < 2; i++) {
        if (!(pids[i] = fork()))
            child_appends(fds[1], EACH, 20);
    }
    close(fds[1]);
    int n = 0;
    for (int64_t seq; read(fds[0], &seq, sizeof seq) == sizeof seq; n++) {
        assert_true(seq >= 1 && seq <= 2 * EACH && !is_seen[seq]);
        is_seen[seq] = true;
    }
    close(fds[0]);
    for (int i = 0; i < 2; i++) {
        waitpid(pids[i], &status, 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(n, 2 * EACH);
    is_sound(2 * EACH);
    struct buf head;
    state_read(&dir, "journal.head", &head);
    assert_int_equal(atoi(buf_str(&head)), 2 * EACH);
    buf_release(&head);
}

/* A file size limit stands for the full disk, at every few bytes of where it may strike. */
static void no_room_is_an_error_and_the_file_is_sound(void **state)
{
    (void)state;
    struct rlimit before, less;
    static char detail[3000];
    int failures = 0;
    int64_t acknowledged = 0;
    memset(detail, 'd', sizeof detail - 1);
    getrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_IGN);
    for (rlim_t limit = 4; limit < 150000; limit += limit < 3000 ? 700 : 9001) {
        struct journal *j = NULL;
        less = (struct rlimit){ .rlim_cur = limit, .rlim_max = before.rlim_max };
        setrlimit(RLIMIT_FSIZE, &less);
        enum err_code rc = journal_open(&dir, &j, &e);
        for (int i = 0; !rc && i < 6; i++) {
            struct entry en = entry(OP_A, ENTRY_INTENT, detail);
            if (!(rc = journal_append(j, &en, &e)))
                acknowledged = en.seq;
        }
        setrlimit(RLIMIT_FSIZE, &before);
        failures += rc != ERR_OK;
        if (rc && rc != ERR_IO)
            fail_msg("limit %d: %d, %s", (int)limit, rc, e.text);
        journal_close(j);
        struct journal_check c = verified();
        if (c.text[0] || c.n < acknowledged)
            fail_msg("limit %d: %" PRId64 " of %" PRId64 ": %s", (int)limit, c.n, acknowledged, c.text);
    }
    signal(SIGXFSZ, SIG_DFL);
    assert_true(failures > 5);
    make(1);
    assert_string_equal(verified().text, "");
}

/* The same connection goes on by itself once there is room again. */
static void an_error_does_not_stick(void **state)
{
    (void)state;
    struct rlimit before, less;
    struct journal *j = opened();
    getrlimit(RLIMIT_FSIZE, &before);
    less = (struct rlimit){ .rlim_cur = 16, .rlim_max = before.rlim_max };
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &less);
    struct entry en = entry(OP_A, ENTRY_INTENT, "x");
    assert_int_equal(journal_append(j, &en, &e), ERR_IO);
    setrlimit(RLIMIT_FSIZE, &before); /* first: the report may go to a file */
    if (!strstr(e.text, "File too large"))
        fail_msg("%s", e.text);
    assert_int_equal(en.seq, 0);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(journal_append(j, &en, &e), ERR_OK);
    journal_close(j);
    assert_string_equal(verified().text, "");
}

static void network_filesystems_get_no_wal(void **state)
{
    (void)state;
    dir.is_network = true;
    struct journal *j = opened();
    append_to(j, OP_A, ENTRY_INTENT, "x");
    assert_int_equal(access(state_path(&dir, "journal.db-wal"), F_OK), -1);
    journal_close(j);
    dir.is_network = false; /* and the other way round, the folder having moved */
    make(1);
    dir.is_network = true;
    make(1);
    is_sound(3);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_appended_is_read), TEST(the_hash_is_what_it_was), TEST(texts_have_a_limit),
        TEST(tampering_is_noticed), TEST(the_head_is_noticed), TEST(an_older_head_is_no_finding),
        TEST(a_console_that_runs_notices_a_cut), TEST(no_journal_is_no_finding),
        TEST(damaged_bytes_are_noticed), TEST(foreign_files_are_left_alone),
        TEST(files_are_ours_alone), TEST(killed_loses_nothing_acknowledged),
        TEST(two_consoles_make_one_chain), TEST(no_room_is_an_error_and_the_file_is_sound),
        TEST(an_error_does_not_stick), TEST(network_filesystems_get_no_wal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
