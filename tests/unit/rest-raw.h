/* A client that is a bare socket, for what no well-behaved client sends. */
#ifndef ARCTIC_TESTS_REST_RAW_H
#define ARCTIC_TESTS_REST_RAW_H

#include "tests/unit/rest-fixture.h"

#include <sys/time.h>

/* A connected socket that gives up after 10 s, so that a hanging server fails the test instead of hanging it.
 */
static inline int fixture_connect(const struct fixture *fixture)
{
    struct sockaddr_storage address;
    socklen_t length = arci_endpoint_to_sockaddr(&fixture->endpoint, &address);
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){.tv_sec = 10}, sizeof(struct timeval));
    assert_int_equal(connect(fd, (struct sockaddr *)&address, length), 0);
    return fd;
}

static inline void fixture_send(int fd, const char *text)
{
    size_t length = strlen(text);
    assert_int_equal(send(fd, text, length, MSG_NOSIGNAL), (ssize_t)length);
}

/* Reads to the end of the stream; the text is to be freed. */
static inline char *fixture_read_all(int fd)
{
    size_t used = 0, size = 4096;
    char *text = malloc(size);
    if (!text)
        abort();
    for (;;) {
        ssize_t got = recv(fd, text + used, size - used - 1, 0);
        if (got <= 0)
            break;
        used += (size_t)got;
        if (used + 1 == size) {
            text = realloc(text, size *= 2);
            if (!text)
                abort();
        }
    }
    text[used] = '\0';
    return text;
}

/* One request on a connection of its own, to which "Connection: close" is added; the answer is to be freed.
 */
static inline char *fixture_exchange(const struct fixture *fixture, const char *method_and_target,
                                     const char *headers, const char *body)
{
    int fd = fixture_connect(fixture);
    size_t size = strlen(method_and_target) + strlen(headers) + strlen(body) + 256;
    char *text = malloc(size);
    if (!text)
        abort();
    char length[64] = "";
    if (*body)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    snprintf(text, size, "%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s%s\r\n%s", method_and_target,
             headers, length, body);
    /* A server that refuses a large body may close before all of it was sent. */
    for (size_t sent = 0, all = strlen(text); sent < all;) {
        ssize_t count = send(fd, text + sent, all - sent, MSG_NOSIGNAL);
        if (count <= 0)
            break;
        sent += (size_t)count;
    }
    free(text);
    char *answer = fixture_read_all(fd);
    close(fd);
    return answer;
}

static inline void assert_lacks(const char *text, const char *part)
{
    if (!text || strstr(text, part))
        fail_msg("'%s' must not be in:\n%s", part, text ? text : "(nothing)");
}

/* Status and, unless NULL, a part of the answer. */
static inline void assert_answer(const struct fixture *fixture, const char *method_and_target,
                                 const char *headers, const char *body, int status, const char *part)
{
    char *answer = fixture_exchange(fixture, method_and_target, headers, body);
    char line[32];
    snprintf(line, sizeof line, "HTTP/1.1 %d ", status);
    if (!answer || strncmp(answer, line, strlen(line)) != 0)
        fail_msg("%s: not status %d:\n%s", method_and_target, status, answer ? answer : "(nothing)");
    if (part)
        assert_contains(answer, part);
    free(answer);
}

#endif
