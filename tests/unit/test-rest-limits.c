/* What slow, silent and greedy clients can hold on to, and for how long. */
#include "tests/unit/rest-raw.h"

#include "crypto/api-certificate.h"

#include <poll.h>
#include <time.h>

static struct fixture fixture;
static struct fixture tls_fixture;
static struct arci_api_certificate certificate;

static int start(void **state)
{
    (void)state;
    struct arctic_error error;
    struct arci_http_options options = {.header_timeout = 600,
                                        .body_timeout = 600,
                                        .idle_timeout = 600,
                                        .send_timeout = 600,
                                        .send_rate = 1U << 30,
                                        .loopback_limit = 4};
    fixture_start(&fixture, options);
    assert_ok(arci_api_certificate_generate(NULL, &certificate, &error), error);
    options.tls_chain = certificate.chain;
    options.tls_key = certificate.key;
    fixture_start(&tls_fixture, options);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    fixture_stop(&tls_fixture);
    fixture_stop(&fixture);
    arci_api_certificate_release(&certificate);
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Sends a byte every 50 ms until the server hangs up; returns after how many milliseconds. */
static int64_t drip(const char *beginning, const char *byte)
{
    int fd = fixture_connect(&fixture);
    int64_t started = now_ms();
    fixture_send(fd, beginning);
    char answer;
    struct pollfd hang_up = {.fd = fd, .events = POLLIN};
    while (poll(&hang_up, 1, 50) == 0 && now_ms() - started < 5000) {
        send(fd, byte, 1, MSG_NOSIGNAL);
        assert_answer(&fixture, "GET /echo/others", "", "", 200, NULL);
    }
    assert_true(recv(fd, &answer, 1, MSG_DONTWAIT) <= 0);
    close(fd);
    return now_ms() - started;
}

static void test_dripping_clients_are_cut(void **state)
{
    (void)state;
    static const char *const beginnings[] = {
        "",
        "GET /echo/",
        "GET /echo/x HTTP/1.1\r\nHost: a\r\nX: ",
        "POST /things HTTP/1.1\r\nHost: a\r\nContent-Length: 10000\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        int64_t lasted = drip(beginnings[i], "a");
        assert_in_range(lasted, 500, 3000);
    }
}

static int64_t processor_ms(void)
{
    struct timespec used;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000 + used.tv_nsec / 1000000;
}

/* libmicrohttpd would try such a handshake without pause, and the loop would do nothing else. */
static void test_handshake_that_never_ends(void **state)
{
    (void)state;
    int fds[3];
    int64_t started = now_ms();
    int64_t used = processor_ms();
    char byte;
    for (size_t i = 0; i < 3; i++) {
        fds[i] = fixture_connect(&tls_fixture);
        assert_int_equal(send(fds[i], "\x16\x03\x01\x02\x00\x01", 6, MSG_NOSIGNAL), 6);
    }
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(recv(fds[i], &byte, 1, 0), 0);
        close(fds[i]);
    }
    assert_in_range(now_ms() - started, 500, 3000);
    assert_in_range(processor_ms() - used, 0, (now_ms() - started) / 2);
}

static void test_idle_connection_is_closed(void **state)
{
    (void)state;
    int fd = fixture_connect(&fixture);
    fixture_send(fd, "GET /echo/x HTTP/1.1\r\nHost: a\r\n\r\n");
    int64_t started = now_ms();
    char *answer = fixture_read_all(fd);
    assert_contains(answer, "\"id\":\"x\"");
    assert_in_range(now_ms() - started, 400, 5000);
    free(answer);
    close(fd);
}

/* Two clients, one after the other, that say nothing until they are cut: longer than any time-out here. */
static void wait_for_two_time_outs(void)
{
    char byte;
    for (int i = 0; i < 2; i++) {
        int fd = fixture_connect(&fixture);
        assert_int_equal(recv(fd, &byte, 1, 0), 0);
        close(fd);
    }
}

/* The answer takes as long as its handler does, whatever the time-outs for clients are. */
static void test_handler_may_take_longer_than_time_outs(void **state)
{
    (void)state;
    int fd = fixture_connect(&fixture);
    fixture_send(fd, "GET /hold HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    uv_sem_wait(&fixture.holding);
    wait_for_two_time_outs();
    uv_async_send(&fixture.wish);
    char *answer = fixture_read_all(fd);
    assert_contains(answer, "{\"late\":true}");
    free(answer);
    close(fd);
}

static void test_reader_that_stalls_is_cut(void **state)
{
    (void)state;
    int fd = fixture_connect(&fixture);
    fixture_send(fd, "GET /large/30000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    wait_for_two_time_outs();
    char *answer = fixture_read_all(fd);
    assert_in_range(strlen(answer), 1, 29999999);
    free(answer);
    close(fd);
}

static void test_client_that_leaves_during_a_long_answer(void **state)
{
    (void)state;
    int fd = fixture_connect(&fixture);
    fixture_send(fd, "GET /large/30000000 HTTP/1.1\r\nHost: a\r\n\r\n");
    close(fd);
    assert_answer(&fixture, "GET /echo/others", "", "", 200, NULL);
}

/* The operator of this host gets in whoever fills the room: the oldest connection that is not being served makes way. */
static void test_there_is_always_room_for_one_more(void **state)
{
    (void)state;
    int fds[4];
    char byte;
    for (size_t i = 0; i < 4; i++) {
        fds[i] = fixture_connect(&fixture);
        fixture_send(fds[i], i == 0 ? "GET /hold HTTP/1.1\r\nHost: a\r\n\r\n"
                                    : "GET /echo/x HTTP/1.1\r\nHost: a\r\n\r\n");
        if (i == 0)
            uv_sem_wait(&fixture.holding);
        else
            assert_int_equal(recv(fds[i], &byte, 1, MSG_PEEK), 1);
    }
    assert_answer(&fixture, "GET /echo/one-more", "", "", 200, "one-more");
    char *answer = fixture_read_all(fds[1]);
    assert_contains(answer, "\"id\":\"x\"");
    free(answer);
    for (size_t i = 2; i < 4; i++)
        fixture_send(fds[i], "GET /echo/again HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    for (size_t i = 2; i < 4; i++) {
        answer = fixture_read_all(fds[i]);
        assert_contains(answer, "\"id\":\"again\"");
        free(answer);
    }
    uv_async_send(&fixture.wish);
    assert_int_equal(recv(fds[0], &byte, 1, 0), 1);
    for (size_t i = 0; i < 4; i++)
        close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dripping_clients_are_cut),
        cmocka_unit_test(test_handshake_that_never_ends),
        cmocka_unit_test(test_idle_connection_is_closed),
        cmocka_unit_test(test_handler_may_take_longer_than_time_outs),
        cmocka_unit_test(test_reader_that_stalls_is_cut),
        cmocka_unit_test(test_client_that_leaves_during_a_long_answer),
        cmocka_unit_test(test_there_is_always_room_for_one_more),
    };
    return cmocka_run_group_tests_name("rest server limits", tests, start, stop);
}
