/* What the entry says of flows that fail. That it captures and carries them is shown in tests/system. */
#include "unit.h"

#include <string.h>

#include "proxy/entry.h"
#include "proxy/worker.h"

/* A worker without a thread, with a log and a control loop that only keep what they are told. */
struct world {
    struct arci_worker worker;
    struct arci_queue control;
    struct arci_flow flow;
    char warnings[4096];
    size_t warning_count;
    size_t reports;
};

static void on_line(void *user, int32_t level, const char *line, size_t length)
{
    struct world *world = user;
    if (level != ARCTIC_LOG_WARN)
        return;
    assert_true(length < sizeof world->warnings);
    memcpy(world->warnings, line, length);
    world->warnings[length] = '\0';
    world->warning_count++;
}

static void on_report(void *user, struct arci_message *message)
{
    struct world *world = user;
    assert_int_equal(message->kind, ARCI_TO_CONTROL_REFUSED);
    world->reports++;
    free(message);
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    struct arctic_error error;
    assert_int_equal(uv_loop_init(&world->worker.loop), 0);
    assert_int_equal(arci_queue_open(&world->control, &world->worker.loop, on_report, world), 0);
    assert_ok(arctic_log_create(ARCTIC_LOG_DEBUG, ARCTIC_LOG_TEXT, on_line, world, &world->worker.options.log,
                                &error),
              error);
    world->worker.options.control = &world->control;
    world->flow = (struct arci_flow){
        .worker = &world->worker,
        .is_entry = true,
        .peer_id = {"peer_01JD2Q4Y7M8N9P0QRSTVWXYZ0A"},
        .request = {.service_id = {"svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12"},
                    .destination = {{ARCTIC_FAMILY_IPV4, {192, 0, 2, 1}}, 443},
                    .client = {{ARCTIC_FAMILY_IPV4, {10, 1, 2, 3}}, 50000}},
    };
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    arci_queue_close(&world->control, NULL);
    assert_int_equal(uv_run(&world->worker.loop, UV_RUN_DEFAULT), 0);
    arci_queue_destroy(&world->control);
    assert_int_equal(uv_loop_close(&world->worker.loop), 0);
    arctic_log_free(world->worker.options.log);
    free(world);
    return 0;
}

static void assert_warned_of(const struct world *world, const char *part)
{
    if (!strstr(world->warnings, part))
        fail_msg("\"%s\" is not in: %s", part, world->warnings);
}

static void misconfiguration_is_a_warning_that_names_all(void **state)
{
    struct world *world = *state;
    arci_entry_failed(&world->flow, ARCI_REASON_NOT_PERMITTED, true);
    assert_int_equal(world->warning_count, 1);
    assert_warned_of(world, "svc_01JD2Q4Y7M8N9P0QRSTVWXYZ12");
    assert_warned_of(world, "peer_01JD2Q4Y7M8N9P0QRSTVWXYZ0A");
    assert_warned_of(world, "10.1.2.3:50000");
    assert_warned_of(world, "192.0.2.1:443");
    assert_warned_of(world, "not permitted");
    assert_warned_of(world, "arctic services get");
}

static void each_cause_has_its_advice(void **state)
{
    static const struct {
        enum arci_stream_reason reason;
        bool refused;
        const char *advice;
    } causes[] = {
        {ARCI_REASON_NO_RESOURCES, true, "the exit is out of"},
        {ARCI_REASON_NO_RESOURCES, false, "this agent is out of"},
        {ARCI_REASON_LOOP, true, "arctic routes list"},
        {ARCI_REASON_PEER_UNREACHABLE, false, "arctic peers list"},
    };
    struct world *world = *state;
    for (size_t i = 0; i < sizeof causes / sizeof causes[0]; i++) {
        world->worker.failure_log = (struct arci_log_limit){0};
        arci_entry_failed(&world->flow, causes[i].reason, causes[i].refused);
        assert_int_equal(world->warning_count, i + 1);
        assert_warned_of(world, causes[i].advice);
    }
}

static void destination_that_does_not_answer_is_no_warning(void **state)
{
    struct world *world = *state;
    arci_entry_failed(&world->flow, ARCI_REASON_REFUSED, true);
    arci_entry_failed(&world->flow, ARCI_REASON_TIMED_OUT, true);
    arci_entry_failed(&world->flow, ARCI_REASON_HOST_UNREACHABLE, true);
    arci_entry_failed(&world->flow, ARCI_REASON_RESET, false);
    arci_entry_failed(&world->flow, ARCI_REASON_WITHDRAWN, false);
    assert_int_equal(world->warning_count, 0);
    uv_run(&world->worker.loop, UV_RUN_NOWAIT);
    assert_int_equal(world->reports, 3);
}

/* A flood of clients must not become one of warnings; their number is told with the next. */
static void flood_is_one_warning_a_second(void **state)
{
    struct world *world = *state;
    for (int i = 0; i < 500; i++)
        arci_entry_failed(&world->flow, ARCI_REASON_PEER_UNREACHABLE, false);
    assert_int_equal(world->warning_count, 1);
    world->worker.failure_log.logged_at -= 1000;
    arci_entry_failed(&world->flow, ARCI_REASON_PEER_UNREACHABLE, false);
    assert_int_equal(world->warning_count, 2);
    assert_warned_of(world, "more=499");
}

int main(void)
{
#define ENTRY_TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ENTRY_TEST(misconfiguration_is_a_warning_that_names_all),
        ENTRY_TEST(each_cause_has_its_advice),
        ENTRY_TEST(destination_that_does_not_answer_is_no_warning),
        ENTRY_TEST(flood_is_one_warning_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
