/* Readiness of sockets: resets are seen by those who neither read nor write, and an end that nobody reads costs nothing. */
#include "unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/time.h"
#include "transport/watch.h"

struct world {
    struct arci_watch watch; /* first */
    uv_loop_t loop;
    uv_prepare_t prepare;
    uv_timer_t timer;
    int ours, theirs;
    unsigned rounds, readable, writable;
    int broken;
    bool timed_out;
};

static void on_event(struct arci_watch *watch, bool readable, bool writable, int broken)
{
    struct world *world = (struct world *)watch;
    world->readable += readable;
    world->writable += writable;
    world->broken = broken;
}

static void on_round(uv_prepare_t *prepare)
{
    ((struct world *)prepare->data)->rounds++;
}

static void on_time(uv_timer_t *timer)
{
    ((struct world *)timer->data)->timed_out = true;
}

static void connect_pair(int *ret_ours, int *ret_theirs)
{
    struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof name;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&name, length), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&name, &length), 0);
    *ret_theirs = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(*ret_theirs, (struct sockaddr *)&name, length), 0);
    *ret_ours = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(*ret_ours >= 0);
    close(listener);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    uv_loop_init(&world->loop);
    connect_pair(&world->ours, &world->theirs);
    assert_int_equal(arci_watch_start(&world->watch, &world->loop, world->ours, on_event), 0);
    uv_prepare_init(&world->loop, &world->prepare);
    world->prepare.data = world;
    uv_prepare_start(&world->prepare, on_round);
    uv_timer_init(&world->loop, &world->timer);
    world->timer.data = world;
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    arci_watch_close(&world->watch, NULL);
    close(world->ours);
    if (world->theirs >= 0)
        close(world->theirs);
    uv_close((uv_handle_t *)&world->prepare, NULL);
    uv_close((uv_handle_t *)&world->timer, NULL);
    uv_run(&world->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&world->loop), 0);
    free(world);
    return 0;
}

/* Runs for a while in which nothing is to happen; returns how often the loop woke. */
static unsigned rest(struct world *world)
{
    world->rounds = 0;
    world->timed_out = false;
    uv_timer_start(&world->timer, on_time, 200, 0);
    while (!world->timed_out)
        uv_run(&world->loop, UV_RUN_ONCE);
    return world->rounds;
}

static void wait_for_break(struct world *world)
{
    world->timed_out = false;
    uv_timer_start(&world->timer, on_time, 5000, 0);
    while (world->broken == 0 && !world->timed_out)
        uv_run(&world->loop, UV_RUN_ONCE);
    uv_timer_stop(&world->timer);
}

static void reset_by_them(struct world *world)
{
    struct linger linger = {1, 0};
    setsockopt(world->theirs, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(world->theirs);
    world->theirs = -1;
}

static void reset_is_seen_by_who_waits_for_nothing(void **state)
{
    struct world *world = *state;
    arci_watch_set(&world->watch, false, false);
    assert_true(rest(world) < 10);
    reset_by_them(world);
    wait_for_break(world);
    assert_int_equal(world->broken, ECONNRESET);
    assert_true(rest(world) < 10);
}

static void data_that_nobody_wants_costs_nothing(void **state)
{
    struct world *world = *state;
    assert_int_equal(write(world->theirs, "x", 1), 1);
    assert_true(rest(world) < 10);
    assert_int_equal(world->readable, 0);
    arci_watch_set(&world->watch, true, false);
    uv_run(&world->loop, UV_RUN_ONCE);
    assert_int_equal(world->readable, 1);
}

static void end_that_nobody_reads_does_not_spin(void **state)
{
    struct world *world = *state;
    shutdown(world->theirs, SHUT_WR);
    assert_true(rest(world) < 10);
    arci_watch_set(&world->watch, true, false);
    uv_run(&world->loop, UV_RUN_ONCE);
    assert_int_equal(world->readable, 1);
    arci_watch_set(&world->watch, false, false);
    assert_true(rest(world) < 10);
    shutdown(world->ours, SHUT_WR); /* now the kernel reports EPOLLHUP, wanted or not */
    assert_true(rest(world) < 10);
    assert_int_equal(world->broken, 0);
}

static void reset_after_the_end_is_seen(void **state)
{
    struct world *world = *state;
    shutdown(world->theirs, SHUT_WR);
    assert_true(rest(world) < 10);
    reset_by_them(world);
    wait_for_break(world);
    assert_true(world->broken != 0);
}

int main(void)
{
#define WATCH_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WATCH_TEST(reset_is_seen_by_who_waits_for_nothing),
        WATCH_TEST(data_that_nobody_wants_costs_nothing),
        WATCH_TEST(end_that_nobody_reads_does_not_spin),
        WATCH_TEST(reset_after_the_end_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
