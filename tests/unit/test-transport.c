/*
 * What lib/proxy relies on: how flows begin, move and end. One suite for all transports: one enrols with a row in
 * `subjects` of transport-world.c.
 */
#include "transport-world.h"

#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "crypto/identity.h"
#include "crypto/tls.h"

static void fill(uint8_t *bytes, size_t length, uint32_t seed)
{
    for (size_t i = 0; i < length; i++) {
        seed = seed * 1664525u + 1013904223u;
        bytes[i] = (uint8_t)(seed >> 24);
    }
}

static void early_data_and_the_request_arrive(void **state)
{
    struct world *world = *state;
    struct user user = {.early = "GET / HTTP/1.1\r\n"};
    struct user *other = open_pair(world, &user);
    wait_until(world, other->length > 0);
    assert_string_equal(other->received, user.early);
    assert_string_equal(world->far.last_request.service_id.text, usual_request.service_id.text);
    assert_true(arci_endpoint_equal(&world->far.last_request.destination, &usual_request.destination));
    assert_true(arci_endpoint_equal(&world->far.last_request.client, &usual_request.client));
    end_flow(&user, ARCI_REASON_RESET);
}

static void server_may_speak_first(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    struct user *other = open_pair(world, &user);
    send_text(other, "220 ready\r\n");
    wait_until(world, user.length > 0);
    assert_string_equal(user.received, "220 ready\r\n");
    end_flow(&user, ARCI_REASON_RESET);
}

static void large_content_comes_back_whole(void **state)
{
    struct world *world = *state;
    size_t size = 5 * MEBI + 12345, sent = 0;
    uint8_t *content = malloc(size);
    struct user user = {0};
    fill(content, size, 1);
    world->far.echo = true;
    open_pair(world, &user);
    while (sent < size) {
        wait_until(world, ops->writable(user.stream));
        size_t piece = size - sent < 10007 ? size - sent : 10007;
        send_bytes(&user, content + sent, piece);
        sent += piece;
    }
    ops->finish(user.stream);
    wait_until(world, user.finished);
    assert_int_equal(user.length, size);
    assert_memory_equal(user.received, content, size);
    end_flow(&user, ARCI_REASON_NONE);
    free(content);
}

static void opener_finishes_first(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    struct user *other = open_pair(world, &user);
    send_text(&user, "question");
    ops->finish(user.stream);
    wait_until(world, other->finished);
    assert_string_equal(other->received, "question");
    send_text(other, "answer");
    ops->finish(other->stream);
    wait_until(world, user.finished);
    assert_string_equal(user.received, "answer");
    assert_false(user.failed || other->failed);
    end_flow(&user, ARCI_REASON_NONE);
}

static void acceptor_finishes_first(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    struct user *other = open_pair(world, &user);
    send_text(other, "banner");
    ops->finish(other->stream);
    wait_until(world, user.finished);
    assert_string_equal(user.received, "banner");
    send_text(&user, "bye");
    ops->finish(user.stream);
    wait_until(world, other->finished);
    assert_string_equal(other->received, "bye");
    end_flow(&user, ARCI_REASON_NONE);
}

/* Finished before the other end has even accepted. */
static void finish_waits_for_accept(void **state)
{
    struct world *world = *state;
    struct user user = {.early = "once"}, empty = {0};
    world->far.hesitate = true;
    open_flow(world, &user);
    ops->finish(user.stream);
    open_flow(world, &empty);
    ops->finish(empty.stream);
    wait_until(world, world->far.incoming_count == 2);
    for (int i = 0; i < 5; i++)
        uv_run(&world->loop, UV_RUN_NOWAIT);
    struct user *others = world->far.incoming;
    assert_true(others[0].length == 0 && !others[0].finished && !others[1].finished);
    ops->accept(others[0].stream);
    ops->accept(others[1].stream);
    wait_until(world, others[0].finished && others[1].finished && user.opened && empty.opened);
    assert_int_equal(others[0].length + others[1].length, 4);
    end_flow(&user, ARCI_REASON_RESET);
    end_flow(&empty, ARCI_REASON_RESET);
}

static void abort_reaches_the_acceptor(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    struct user *other = open_pair(world, &user);
    end_flow(&user, ARCI_REASON_RESET);
    wait_until(world, other->failed);
    assert_int_equal(other->reason, ARCI_REASON_RESET);
    assert_false(other->finished);
}

static void abort_reaches_the_opener(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    open_pair(world, &user);
    close_incoming(&world->far, 0, ARCI_REASON_RESET);
    wait_until(world, user.failed);
    assert_int_equal(user.reason, ARCI_REASON_RESET);
    assert_false(user.refused || user.finished);
    end_flow(&user, ARCI_REASON_NONE);
}

static void abort_after_finish_is_no_clean_end(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    struct user *other = open_pair(world, &user);
    ops->finish(user.stream);
    wait_until(world, other->finished);
    end_flow(&user, ARCI_REASON_RESET);
    wait_until(world, other->failed);
}

static void abort_before_the_answer(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    world->far.hesitate = true;
    open_flow(world, &user);
    wait_until(world, world->far.incoming_count == 1);
    end_flow(&user, ARCI_REASON_RESET);
    wait_until(world, world->far.incoming[0].failed);
}

static void refusal_carries_its_reason(void **state)
{
    struct world *world = *state;
    struct user user = {.early = "data that nobody wants"};
    world->far.refuse_with = ARCI_REASON_HOST_UNREACHABLE;
    open_flow(world, &user);
    wait_until(world, user.failed);
    assert_true(user.refused);
    assert_int_equal(user.reason, ARCI_REASON_HOST_UNREACHABLE);
    assert_false(user.opened);
    end_flow(&user, ARCI_REASON_NONE);
}

static void stalled_reader_costs_bounded_memory_and_nobody_else(void **state)
{
    struct world *world = *state;
    struct user stalled = {0}, other = {0};
    world->far.appetite = 1000;
    struct user *reader = open_pair(world, &stalled);
    size_t written = write_until_full(world, &stalled);
    assert_true(written < 16 * MEBI);
    assert_int_equal(reader->length, 1000);

    world->far.appetite = SIZE_MAX;
    struct user *second = open_pair(world, &other);
    send_text(&other, "not in its way");
    wait_until(world, second->length > 0);

    stalled.writable = false;
    reader->appetite = SIZE_MAX;
    ops->resume(reader->stream);
    ops->finish(stalled.stream);
    wait_until(world, reader->finished);
    assert_int_equal(reader->length, written);
    end_flow(&stalled, ARCI_REASON_RESET);
    end_flow(&other, ARCI_REASON_RESET);
}

static void writer_is_told_when_there_is_room_again(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    world->far.appetite = 0;
    struct user *reader = open_pair(world, &user);
    write_until_full(world, &user);
    user.writable = false;
    reader->appetite = SIZE_MAX;
    ops->resume(reader->stream);
    wait_until(world, user.writable);
    end_flow(&user, ARCI_REASON_RESET);
}

/* A stalled reader's own abort, and one that comes to it while it stalls. */
static void stalled_flow_can_be_aborted(void **state)
{
    struct world *world = *state;
    struct user first = {0}, second = {0};
    world->far.appetite = 0;
    open_pair(world, &first);
    write_until_full(world, &first);
    close_incoming(&world->far, 0, ARCI_REASON_RESET);
    wait_until(world, first.failed);
    end_flow(&first, ARCI_REASON_NONE);

    struct user *reader = open_pair(world, &second);
    write_until_full(world, &second);
    end_flow(&second, ARCI_REASON_RESET);
    wait_until(world, reader->failed);
}

static void many_flows_at_once_keep_their_content(void **state)
{
    struct world *world = *state;
    enum { FLOWS = 200, SIZE = 40000 };
    static struct user users[FLOWS];
    static uint8_t content[SIZE];
    memset(users, 0, sizeof users);
    world->far.echo = true;
    for (int i = 0; i < FLOWS; i++)
        open_flow(world, &users[i]);
    for (int i = 0; i < FLOWS; i++) {
        wait_until(world, users[i].opened);
        fill(content, SIZE, (uint32_t)i);
        for (size_t sent = 0; sent < SIZE; sent += 10000) {
            wait_until(world, ops->writable(users[i].stream));
            send_bytes(&users[i], content + sent, 10000);
        }
        ops->finish(users[i].stream);
    }
    for (int i = 0; i < FLOWS; i++) {
        wait_until(world, users[i].finished);
        fill(content, SIZE, (uint32_t)i);
        assert_int_equal(users[i].length, SIZE);
        assert_memory_equal(users[i].received, content, SIZE);
        end_flow(&users[i], ARCI_REASON_NONE);
    }
}

static void retired_end_serves_what_it_has(void **state)
{
    struct world *world = *state;
    struct user user = {0};
    struct user *other = open_pair(world, &user);
    ops->retire(world->far.transport);
    ops->retire(world->near.transport);
    assert_int_equal(try_open(world), ARCTIC_E_PEER_UNREACHABLE);
    send_text(&user, "last words");
    wait_until(world, other->length == 10);
    end_flow(&user, ARCI_REASON_RESET);
}

/* A client of the cluster protocol on the same port. */
static void control_connection_is_handed_over(void **state)
{
    struct world *world = *state;
    struct arctic_error error;
    struct sockaddr_storage address;
    SSL *ssl;
    socklen_t length = arci_endpoint_to_sockaddr(&world->far.endpoint, &address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, length), 0);
    int flags = 1;
    assert_int_equal(ioctl(fd, FIONBIO, &flags), 0);
    assert_ok(arci_tls_connect(world->near.party.tls, fd, NULL, ARCI_ALPN_CONTROL, &ssl, &error), error);
    world->far.control_fd = -1;
    wait_until(world, (arci_tls_handshake(ssl, &error), world->far.control_fd >= 0));
    assert_memory_equal(world->far.control_key, arci_identity_public_key(world->near.party.identity),
                        sizeof world->far.control_key);
    close(world->far.control_fd);
    SSL_free(ssl);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TRANSPORT_TEST(early_data_and_the_request_arrive),
        TRANSPORT_TEST(server_may_speak_first),
        TRANSPORT_TEST(large_content_comes_back_whole),
        TRANSPORT_TEST(opener_finishes_first),
        TRANSPORT_TEST(acceptor_finishes_first),
        TRANSPORT_TEST(finish_waits_for_accept),
        TRANSPORT_TEST(abort_reaches_the_acceptor),
        TRANSPORT_TEST(abort_reaches_the_opener),
        TRANSPORT_TEST(abort_after_finish_is_no_clean_end),
        TRANSPORT_TEST(abort_before_the_answer),
        TRANSPORT_TEST(refusal_carries_its_reason),
        TRANSPORT_TEST(stalled_reader_costs_bounded_memory_and_nobody_else),
        TRANSPORT_TEST(writer_is_told_when_there_is_room_again),
        TRANSPORT_TEST(stalled_flow_can_be_aborted),
        TRANSPORT_TEST(many_flows_at_once_keep_their_content),
        TRANSPORT_TEST(retired_end_serves_what_it_has),
        TRANSPORT_TEST(control_connection_is_handed_over),
    };
    return run_over_transports(tests, sizeof tests / sizeof tests[0]);
}
