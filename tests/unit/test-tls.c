/* Two ends of TLS over a socket pair, in one thread and without blocking: who gets in, who does not, and what
 * they are told. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/certificate.h"
#include "crypto/tls-socket.h"
#include "crypto/tls.h"

struct end {
    struct arci_identity *identity;
    struct arci_tls *tls;
    SSL *ssl;
    int fd;
    enum arci_tls_status status;
    struct arctic_error error;
};

struct pair {
    struct end client, server;
};

static void make_end(struct end *end, int fd)
{
    assert_ok(arci_identity_generate(&end->identity, &end->error), end->error);
    assert_ok(arci_tls_create(end->identity, &end->tls, &end->error), end->error);
    end->fd = fd;
}

static int make_pair(void **state)
{
    struct pair *pair = calloc(1, sizeof *pair);
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    make_end(&pair->client, fds[0]);
    make_end(&pair->server, fds[1]);
    *state = pair;
    return 0;
}

static void free_end(struct end *end)
{
    SSL_free(end->ssl);
    arci_tls_free(end->tls);
    arci_identity_free(end->identity);
    close(end->fd);
}

static int free_pair(void **state)
{
    struct pair *pair = *state;
    free_end(&pair->client);
    free_end(&pair->server);
    free(pair);
    /* Every call of ours leaves OpenSSL's queue empty. */
    return ERR_peek_error() == 0 ? 0 : -1;
}

static const uint8_t *key_of(const struct end *end)
{
    return arci_identity_public_key(end->identity);
}

static bool over(enum arci_tls_status status)
{
    return status == ARCI_TLS_DONE || status == ARCI_TLS_FAILED || status == ARCI_TLS_CLOSED;
}

/* Lets both ends go on until each is done or has failed. Everything that was sent is there at once, so no
 * step waits. */
static void shake_hands(struct pair *pair)
{
    pair->client.status = pair->server.status = ARCI_TLS_WANT_READ;
    for (int i = 0; i < 20 && !(over(pair->client.status) && over(pair->server.status)); i++) {
        if (!over(pair->client.status))
            pair->client.status = arci_tls_handshake(pair->client.ssl, &pair->client.error);
        if (!over(pair->server.status))
            pair->server.status = arci_tls_handshake(pair->server.ssl, &pair->server.error);
    }
}

static void connect_pair(struct pair *pair, const uint8_t *expected_key, const char *alpn)
{
    struct end *client = &pair->client;
    struct end *server = &pair->server;
    assert_ok(arci_tls_connect(client->tls, client->fd, expected_key, alpn, &client->ssl, &client->error),
              client->error);
    assert_ok(arci_tls_accept(server->tls, server->fd, &server->ssl, &server->error), server->error);
    shake_hands(pair);
}

static void assert_done(const struct end *end)
{
    if (end->status != ARCI_TLS_DONE)
        fail_msg("the handshake did not succeed: %d %s", end->status, end->error.message);
}

static void assert_failed(const struct end *end, int code, const char *part)
{
    assert_int_equal(end->status, ARCI_TLS_FAILED);
    if (end->error.code != code || !strstr(end->error.message, part))
        fail_msg("got %s '%s', wanted %s '%s'", arctic_code_name(end->error.code), end->error.message,
                 arctic_code_name(code), part);
}

/* What the client learns after a server refused its certificate. */
static void read_at_client(struct pair *pair)
{
    char byte;
    size_t length;
    pair->client.status = arci_tls_read(pair->client.ssl, &byte, 1, &length, &pair->client.error);
}

static void test_both_ends_know_each_other(void **state)
{
    struct pair *pair = *state;
    uint8_t key[ARCI_KEY_SIZE];
    connect_pair(pair, key_of(&pair->server), ARCI_ALPN_FLOW);
    assert_done(&pair->client);
    assert_done(&pair->server);
    assert_true(arci_tls_peer_key(pair->server.ssl, key));
    assert_memory_equal(key, key_of(&pair->client), sizeof key);
    assert_true(arci_tls_peer_key(pair->client.ssl, key));
    assert_memory_equal(key, key_of(&pair->server), sizeof key);
    assert_string_equal(arci_tls_protocol(pair->client.ssl), ARCI_ALPN_FLOW);
    assert_string_equal(arci_tls_protocol(pair->server.ssl), ARCI_ALPN_FLOW);
    assert_string_equal(SSL_get_version(pair->client.ssl), "TLSv1.3");
    assert_int_equal(SSL_get_fd(pair->client.ssl), pair->client.fd);
}

static void test_unknown_server_key_may_do_the_control_protocol(void **state)
{
    struct pair *pair = *state;
    uint8_t key[ARCI_KEY_SIZE];
    connect_pair(pair, NULL, ARCI_ALPN_CONTROL);
    assert_done(&pair->client);
    assert_done(&pair->server);
    assert_true(arci_tls_peer_key(pair->client.ssl, key));
    assert_memory_equal(key, key_of(&pair->server), sizeof key);
    assert_string_equal(arci_tls_protocol(pair->server.ssl), ARCI_ALPN_CONTROL);
}

static void test_nothing_is_known_before_the_handshake(void **state)
{
    struct pair *pair = *state;
    uint8_t key[ARCI_KEY_SIZE];
    struct arctic_error error;
    assert_ok(arci_tls_accept(pair->server.tls, pair->server.fd, &pair->server.ssl, &error), error);
    assert_false(arci_tls_peer_key(pair->server.ssl, key));
    assert_null(arci_tls_protocol(pair->server.ssl));
    assert_int_equal(arci_tls_exporter(pair->server.ssl, "x", key, sizeof key, &error), ARCTIC_E_INTERNAL);
}

static void test_wrong_server_key_fails_at_the_client(void **state)
{
    struct pair *pair = *state;
    uint8_t expected[ARCI_KEY_SIZE];
    memcpy(expected, key_of(&pair->server), sizeof expected);
    expected[31] ^= 1;
    connect_pair(pair, expected, ARCI_ALPN_FLOW);
    assert_failed(&pair->client, ARCTIC_E_HANDSHAKE_FAILED,
                  "the peer has another key than the one that is registered for it");
    assert_failed(&pair->server, ARCTIC_E_HANDSHAKE_FAILED, "alert");
    assert_false(arci_tls_peer_key(pair->client.ssl, expected));
}

/* Clients that are not ours, made of OpenSSL's own context over the same BIO. */
static SSL_CTX *foreign_context(const struct pair *pair, bool with_certificate)
{
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    assert_non_null(context);
    if (with_certificate) {
        X509 *certificate = NULL;
        assert_int_equal(arci_certificate_create(pair->client.identity, &certificate, NULL), ARCTIC_OK);
        assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
        assert_int_equal(SSL_CTX_use_PrivateKey(context, arci_identity_evp(pair->client.identity)), 1);
        X509_free(certificate);
    }
    return context;
}

static void connect_foreign(struct pair *pair, SSL_CTX *context, const char *alpn)
{
    BIO_METHOD *method = arci_tls_socket_method();
    struct end *server = &pair->server;
    pair->client.ssl = SSL_new(context);
    assert_int_equal(arci_tls_socket_attach(method, pair->client.ssl, pair->client.fd, NULL), ARCTIC_OK);
    if (alpn) {
        unsigned char list[64];
        list[0] = (unsigned char)strlen(alpn);
        memcpy(list + 1, alpn, list[0]);
        assert_int_equal(SSL_set_alpn_protos(pair->client.ssl, list, list[0] + 1u), 0);
    }
    SSL_set_connect_state(pair->client.ssl);
    assert_ok(arci_tls_accept(server->tls, server->fd, &server->ssl, &server->error), server->error);
    shake_hands(pair);
    if (pair->client.status == ARCI_TLS_DONE)
        read_at_client(pair);
    SSL_free(pair->client.ssl);
    pair->client.ssl = NULL;
    BIO_meth_free(method);
    SSL_CTX_free(context);
}

static void test_foreign_client_with_all_that_is_asked_gets_in(void **state)
{
    struct pair *pair = *state;
    connect_foreign(pair, foreign_context(pair, true), ARCI_ALPN_FLOW);
    assert_done(&pair->server);
}

static void test_client_without_certificate_is_refused(void **state)
{
    struct pair *pair = *state;
    connect_foreign(pair, foreign_context(pair, false), ARCI_ALPN_FLOW);
    assert_failed(&pair->server, ARCTIC_E_HANDSHAKE_FAILED, "peer did not return a certificate");
    assert_failed(&pair->client, ARCTIC_E_HANDSHAKE_FAILED, "certificate required");
}

static void test_client_without_protocol_is_refused(void **state)
{
    struct pair *pair = *state;
    connect_foreign(pair, foreign_context(pair, true), NULL);
    assert_int_equal(pair->server.status, ARCI_TLS_FAILED);
    assert_failed(&pair->client, ARCTIC_E_HANDSHAKE_FAILED, "no application protocol");
}

static void test_client_with_another_protocol_is_refused(void **state)
{
    struct pair *pair = *state;
    connect_foreign(pair, foreign_context(pair, true), "h2");
    assert_failed(&pair->server, ARCTIC_E_HANDSHAKE_FAILED, "no application protocol");
    assert_failed(&pair->client, ARCTIC_E_HANDSHAKE_FAILED, "no application protocol");
}

static void test_client_of_tls_1_2_is_refused(void **state)
{
    struct pair *pair = *state;
    SSL_CTX *context = foreign_context(pair, true);
    SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION);
    connect_foreign(pair, context, ARCI_ALPN_FLOW);
    assert_int_equal(pair->server.status, ARCI_TLS_FAILED);
    assert_failed(&pair->client, ARCTIC_E_HANDSHAKE_FAILED, "protocol version");
}

static void test_client_with_another_kind_of_key_is_refused(void **state)
{
    struct pair *pair = *state;
    SSL_CTX *context = foreign_context(pair, false);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    assert_true(X509_set_version(certificate, 2) && X509_set_pubkey(certificate, key) &&
                X509_gmtime_adj(X509_getm_notBefore(certificate), 0) &&
                X509_gmtime_adj(X509_getm_notAfter(certificate), 3600) &&
                X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_int_equal(SSL_CTX_use_certificate(context, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(context, key), 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
    connect_foreign(pair, context, ARCI_ALPN_FLOW);
    assert_int_equal(pair->server.status, ARCI_TLS_FAILED);
}

static void test_client_with_a_chain_is_refused(void **state)
{
    struct pair *pair = *state;
    SSL_CTX *context = foreign_context(pair, true);
    X509 *second = NULL;
    assert_int_equal(arci_certificate_create(pair->server.identity, &second, NULL), ARCTIC_OK);
    assert_int_equal(SSL_CTX_add0_chain_cert(context, second), 1);
    connect_foreign(pair, context, ARCI_ALPN_FLOW);
    assert_failed(&pair->server, ARCTIC_E_HANDSHAKE_FAILED, "exactly one certificate");
}

static void test_server_that_agrees_on_no_protocol_is_refused(void **state)
{
    struct pair *pair = *state;
    struct end *client = &pair->client;
    struct end *server = &pair->server;
    SSL_CTX *context = foreign_context(pair, true);
    BIO_METHOD *method = arci_tls_socket_method();
    server->ssl = SSL_new(context);
    assert_int_equal(arci_tls_socket_attach(method, server->ssl, server->fd, NULL), ARCTIC_OK);
    SSL_set_accept_state(server->ssl);
    assert_ok(arci_tls_connect(client->tls, client->fd, NULL, ARCI_ALPN_FLOW, &client->ssl, &client->error),
              client->error);
    shake_hands(pair);
    assert_failed(client, ARCTIC_E_HANDSHAKE_FAILED, "did not agree on the protocol");
    SSL_free(server->ssl);
    server->ssl = NULL;
    BIO_meth_free(method);
    SSL_CTX_free(context);
}

static void test_bytes_that_are_no_tls(void **state)
{
    struct pair *pair = *state;
    struct end *server = &pair->server;
    assert_ok(arci_tls_accept(server->tls, server->fd, &server->ssl, &server->error), server->error);
    static const char http[] = "GET / HTTP/1.1\r\nHost: example.org\r\n\r\n";
    assert_int_equal(write(pair->client.fd, http, sizeof http - 1), (ssize_t)sizeof http - 1);
    server->status = arci_tls_handshake(server->ssl, &server->error);
    assert_failed(server, ARCTIC_E_HANDSHAKE_FAILED, "TLS handshake: http request");
}

static void test_exporter_is_equal_on_both_ends(void **state)
{
    struct pair *pair = *state;
    struct arctic_error error = {0};
    uint8_t a[32], b[32], other[32];
    connect_pair(pair, key_of(&pair->server), ARCI_ALPN_CONTROL);
    assert_ok(arci_tls_exporter(pair->client.ssl, "EXPORTER-arctic-handshake", a, sizeof a, &error), error);
    assert_ok(arci_tls_exporter(pair->server.ssl, "EXPORTER-arctic-handshake", b, sizeof b, &error), error);
    assert_memory_equal(a, b, sizeof a);
    assert_ok(arci_tls_exporter(pair->server.ssl, "EXPORTER-arctic-other", other, sizeof other, &error),
              error);
    assert_memory_not_equal(a, other, sizeof a);
}

static uint8_t pattern(size_t position)
{
    return (uint8_t)(position * 131 + (position >> 11));
}

struct transfer {
    size_t sent, received;
    bool blocked; /* the sender met a full socket */
};

static void send_some(struct end *from, struct transfer *transfer, size_t total)
{
    static uint8_t bytes[1000000];
    size_t left = total - transfer->sent;
    size_t length = left < sizeof bytes ? left : sizeof bytes;
    for (size_t i = 0; i < length; i++)
        bytes[i] = pattern(transfer->sent + i);
    while (length > 0) {
        size_t written;
        from->status = arci_tls_write(from->ssl, bytes, length, &written, &from->error);
        if (from->status != ARCI_TLS_DONE) {
            assert_int_equal(from->status, ARCI_TLS_WANT_WRITE);
            transfer->blocked = true;
            return;
        }
        transfer->sent += written;
        length -= written;
        memmove(bytes, bytes + written, length);
    }
}

static void receive_all(struct end *to, struct transfer *transfer)
{
    uint8_t bytes[30000];
    size_t got;
    while ((to->status = arci_tls_read(to->ssl, bytes, sizeof bytes, &got, &to->error)) == ARCI_TLS_DONE) {
        for (size_t i = 0; i < got; i++)
            assert_int_equal(bytes[i], pattern(transfer->received + i));
        transfer->received += got;
    }
    assert_int_equal(to->status, ARCI_TLS_WANT_READ);
}

static void carry(struct end *from, struct end *to, size_t total)
{
    struct transfer transfer = {0};
    while (transfer.received < total) {
        if (transfer.sent < total)
            send_some(from, &transfer, total);
        receive_all(to, &transfer);
    }
    assert_true(transfer.blocked || total < 100000);
}

static void test_data_passes_both_ways_through_full_sockets(void **state)
{
    struct pair *pair = *state;
    connect_pair(pair, key_of(&pair->server), ARCI_ALPN_FLOW);
    carry(&pair->client, &pair->server, 3000000);
    carry(&pair->server, &pair->client, 3000000);
}

static void test_sending_key_is_renewed(void **state)
{
    struct pair *pair = *state;
    connect_pair(pair, key_of(&pair->server), ARCI_ALPN_FLOW);
    struct arci_tls_socket *link = arci_tls_socket_of(pair->client.ssl);
    link->sent_with_key = (uint64_t)1 << 36;
    carry(&pair->client, &pair->server, 1000000);
    assert_true(link->sent_with_key >= 1000000 && link->sent_with_key < 1100000);
    carry(&pair->server, &pair->client, 1000000);
}

/* OpenSSL judges a call by the thread's error queue: what other code left there must not fail a connection. */
static void test_errors_left_by_others_do_not_matter(void **state)
{
    struct pair *pair = *state;
    char byte = 'x';
    size_t length;
    connect_pair(pair, key_of(&pair->server), ARCI_ALPN_FLOW);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    assert_int_equal(arci_tls_read(pair->client.ssl, &byte, 1, &length, &pair->client.error),
                     ARCI_TLS_WANT_READ);
    ERR_raise(ERR_LIB_SSL, SSL_R_BAD_LENGTH);
    assert_int_equal(arci_tls_write(pair->client.ssl, &byte, 1, &length, &pair->client.error), ARCI_TLS_DONE);
}

/* One context for all threads, as the data plane's workers use it. */
static void *connect_many(void *argument)
{
    struct pair own = *(const struct pair *)argument;
    for (int i = 0; i < 50; i++) {
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
        own.client.fd = fds[0];
        own.server.fd = fds[1];
        connect_pair(&own, key_of(&own.server), ARCI_ALPN_FLOW);
        if (own.client.status != ARCI_TLS_DONE || own.server.status != ARCI_TLS_DONE)
            return argument;
        SSL_free(own.client.ssl);
        SSL_free(own.server.ssl);
        close(fds[0]);
        close(fds[1]);
    }
    return NULL;
}

static void test_threads_share_a_context(void **state)
{
    pthread_t threads[4];
    void *failed;
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, connect_many, *state), 0);
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

static void test_orderly_close_and_loss_differ(void **state)
{
    struct pair *pair = *state;
    char byte;
    size_t length;
    connect_pair(pair, key_of(&pair->server), ARCI_ALPN_FLOW);
    assert_int_equal(arci_tls_close(pair->client.ssl, &pair->client.error), ARCI_TLS_DONE);
    assert_int_equal(arci_tls_read(pair->server.ssl, &byte, 1, &length, &pair->server.error),
                     ARCI_TLS_CLOSED);
    shutdown(pair->server.fd, SHUT_WR);
    pair->client.status = arci_tls_read(pair->client.ssl, &byte, 1, &length, &pair->client.error);
    assert_failed(&pair->client, ARCTIC_E_PROTOCOL, "closed the connection without ending TLS");
}

static void test_writing_to_a_dead_peer_raises_no_signal(void **state)
{
    struct pair *pair = *state;
    size_t written;
    connect_pair(pair, key_of(&pair->server), ARCI_ALPN_FLOW);
    struct sigaction action;
    assert_int_equal(sigaction(SIGPIPE, NULL, &action), 0);
    assert_ptr_equal(action.sa_handler, SIG_DFL);
    shutdown(pair->server.fd, SHUT_RDWR);
    pair->client.status = arci_tls_write(pair->client.ssl, "x", 1, &written, &pair->client.error);
    assert_failed(&pair->client, ARCTIC_E_SYSTEM, "Broken pipe");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_pair, free_pair)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_both_ends_know_each_other),
        TEST(test_unknown_server_key_may_do_the_control_protocol),
        TEST(test_nothing_is_known_before_the_handshake),
        TEST(test_wrong_server_key_fails_at_the_client),
        TEST(test_foreign_client_with_all_that_is_asked_gets_in),
        TEST(test_client_without_certificate_is_refused),
        TEST(test_client_without_protocol_is_refused),
        TEST(test_client_with_another_protocol_is_refused),
        TEST(test_client_of_tls_1_2_is_refused),
        TEST(test_client_with_another_kind_of_key_is_refused),
        TEST(test_client_with_a_chain_is_refused),
        TEST(test_server_that_agrees_on_no_protocol_is_refused),
        TEST(test_bytes_that_are_no_tls),
        TEST(test_exporter_is_equal_on_both_ends),
        TEST(test_data_passes_both_ways_through_full_sockets),
        TEST(test_sending_key_is_renewed),
        TEST(test_errors_left_by_others_do_not_matter),
        TEST(test_threads_share_a_context),
        TEST(test_orderly_close_and_loss_differ),
        TEST(test_writing_to_a_dead_peer_raises_no_signal),
    };
    return cmocka_run_group_tests_name("tls", tests, NULL, NULL);
}
