/* Names: what comes back, and that one that hangs holds up nobody.  The resolver is our own stand-in:
 * it says what the test wants it to say. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <semaphore.h>

#include "core/base/clock.h"
#include "core/base/text.h"
#include "core/loop/resolve.h"

enum { TURNS = 2000 };
static sem_t release_hung, hung_is_over;
static int64_t io_now;

static struct addrinfo *address(const char *text, struct addrinfo *next)
{
    struct addrinfo *a = calloc(1, sizeof *a + sizeof(struct sockaddr_in));
    struct sockaddr_in *in = (struct sockaddr_in *)(a + 1);
    in->sin_family = AF_INET;
    inet_pton(AF_INET, text, &in->sin_addr);
    a->ai_addr = (struct sockaddr *)in;
    a->ai_addrlen = sizeof *in;
    a->ai_next = next;
    return a;
}

int getaddrinfo(const char *host, const char *service, const struct addrinfo *want, struct addrinfo **out)
{
    (void)service;
    (void)want;
    *out = NULL;
    if (text_eq(host, "hangs")) {
        sem_wait(&release_hung);
        sem_post(&hung_is_over);
    }
    if (text_eq(host, "nobody"))
        return EAI_NONAME;
    if (text_eq(host, "many")) {
        char text[32];
        for (int i = 20; i > 0; i--) {
            snprintf(text, sizeof text, "10.0.0.%d", (i + 1) / 2); /* each twice */
            *out = address(text, *out);
        }
        return 0;
    }
    *out = address("192.0.2.1", address("192.0.2.2", NULL));
    return 0;
}

void freeaddrinfo(struct addrinfo *a)
{
    while (a) {
        struct addrinfo *next = a->ai_next;
        free(a);
        a = next;
    }
}

static struct loop *loop;
struct answer {
    struct resolved r;
    int n;
    pthread_t on;
};

static void on_done(void *ctx, const struct resolved *r)
{
    struct answer *a = ctx;
    a->r = *r;
    a->n++;
    a->on = pthread_self();
}

static void turn_until(struct answer *a)
{
    for (int i = 0; i < TURNS && !a->n; i++)
        loop_turn(loop, 100);
    assert_int_equal(a->n, 1);
    assert_true(pthread_equal(a->on, pthread_self()));
}

static int64_t io_clock(void)
{
    return io_now;
}

static int set_up(void **state)
{
    (void)state;
    sem_init(&release_hung, 0, 0);
    sem_init(&hung_is_over, 0, 0);
    clock_set(io_clock, NULL);
    return loop_new(&loop, NULL) != ERR_OK;
}

static int tear_down(void **state)
{
    (void)state;
    loop_free(loop);
    clock_set(NULL, NULL);
    return 0;
}

static void addresses_in_order_each_once(void **state)
{
    struct answer two = { 0 }, many = { 0 };
    (void)state;
    resolve_start(loop, "db", on_done, &two);
    assert_int_equal(two.n, 0);
    resolve_start(loop, "many", on_done, &many);
    turn_until(&two);
    turn_until(&many);
    assert_int_equal(two.r.e.code, ERR_OK);
    assert_int_equal(two.r.n, 2);
    assert_string_equal(two.r.addresses[0], "192.0.2.1");
    assert_string_equal(two.r.addresses[1], "192.0.2.2");
    assert_int_equal(many.r.n, RESOLVE_ADDRESSES);
    assert_string_equal(many.r.addresses[7], "10.0.0.8");
}

static void no_such_name_in_the_resolvers_words(void **state)
{
    struct answer a = { 0 };
    (void)state;
    resolve_start(loop, "nobody", on_done, &a);
    turn_until(&a);
    assert_int_equal(a.r.e.code, ERR_NET);
    assert_non_null(strstr(a.r.e.text, "nobody"));
    assert_non_null(strstr(a.r.e.text, "not known"));
}

static void one_that_hangs_holds_up_nobody(void **state)
{
    struct answer hung = { 0 }, other = { 0 };
    (void)state;
    resolve_start(loop, "hangs", on_done, &hung);
    resolve_start(loop, "db", on_done, &other);
    turn_until(&other);
    assert_int_equal(hung.n, 0);
    io_now += RESOLVE_MS;
    turn_until(&hung);
    assert_int_equal(hung.r.e.code, ERR_TIMEOUT);
    sem_post(&release_hung);
    sem_wait(&hung_is_over);
    loop_turn(loop, 0);
    assert_int_equal(hung.n, 1);
}

static void cancelled_means_never_called(void **state)
{
    struct answer hung = { 0 }, quick = { 0 }, after = { 0 };
    (void)state;
    struct resolve *h = resolve_start(loop, "hangs", on_done, &hung);
    struct resolve *q = resolve_start(loop, "db", on_done, &quick);
    resolve_cancel(h); /* would wait for ever, if it waited */
    resolve_cancel(q);
    resolve_cancel(NULL);
    resolve_start(loop, "db", on_done, &after);
    turn_until(&after);
    sem_post(&release_hung);
    sem_wait(&hung_is_over);
    loop_turn(loop, 0);
    assert_int_equal(hung.n + quick.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(addresses_in_order_each_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_such_name_in_the_resolvers_words, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_that_hangs_holds_up_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancelled_means_never_called, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
