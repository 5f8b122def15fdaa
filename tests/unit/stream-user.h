/*
 * What tests of flows share: the user of one stream, who collects what comes, a party with keys, and waiting on a loop. `ops` is
 * the transport under test.
 */
#ifndef ARCTIC_TESTS_STREAM_USER_H
#define ARCTIC_TESTS_STREAM_USER_H

#include "unit.h"

#include <uv.h>

#include "base/time.h"
#include "transport/transport.h"

#define PATIENCE_MS 20000
#define MEBI ((size_t)1 << 20)

extern const struct arci_transport_ops *ops;

struct user {
    struct arci_stream *stream;
    const char *early;
    uint8_t *received;
    size_t length;
    size_t appetite; /* bytes that it still takes */
    bool opened, finished, failed, refused, writable, echo;
    enum arci_stream_reason reason;
    size_t echoed;
};

extern const struct arci_stream_events user_events;

/* The stream must be writable. */
void send_bytes(struct user *user, const void *bytes, size_t length);
void send_text(struct user *user, const char *text);

/* Ends its stream, if it has one, and forgets what came. */
void end_flow(struct user *user, enum arci_stream_reason reason);

/* An agent's id and keys. */
struct party {
    struct arctic_id id;
    struct arci_identity *identity;
    struct arci_tls *tls;
};

void make_party(struct party *party);
void release_party(struct party *party);

/* A socket of 127.0.0.1 that does not listen yet; a port of 0 becomes the one that it got. */
int bind_loopback(uint16_t *port);

/* Keeps a loop from sleeping longer than `ms`, and counts how often nothing else had happened. */
struct patience {
    uv_timer_t timer;
    int expired;
};
void patience_begin(struct patience *patience, uv_loop_t *loop, uint64_t ms);
void patience_end(struct patience *patience);

#define wait_until(world, condition)                                                                         \
    do {                                                                                                     \
        struct patience patience_;                                                                           \
        int64_t limit_ = arci_time_monotonic() + PATIENCE_MS;                                                \
        bool came_ = (condition);                                                                            \
        patience_begin(&patience_, &(world)->loop, 10);                                                      \
        while (!came_ && arci_time_monotonic() < limit_) {                                                   \
            uv_run(&(world)->loop, UV_RUN_ONCE);                                                             \
            came_ = (condition);                                                                             \
        }                                                                                                    \
        patience_end(&patience_);                                                                            \
        if (!came_)                                                                                          \
            fail_msg("waited in vain for: %s", #condition);                                                  \
    } while (0)

#endif
