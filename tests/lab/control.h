/*
 * The control channel: a unix socket of whole messages (SOCK_SEQPACKET), one request and one answer each.
 *
 *   set DIRECTION NAME=VALUE...   change settings; all or none are applied
 *   down DIRECTION                partition: lose what is under way and everything that comes
 *   up DIRECTION
 *   stats                         one JSON object with an object for "forward" and one for "reverse"
 *   reset                         all counters to zero
 *
 * DIRECTION is forward (first interface to second), reverse, or both. The answer is a JSON object: {} for
 * done,
 * {"error": SENTENCE} for refused.
 */
#ifndef LAB_CONTROL_H
#define LAB_CONTROL_H

#include <poll.h>

#include "direction.h"
#include "port.h"

#define CONTROL_CLIENTS 8
#define CONTROL_FDS (CONTROL_CLIENTS + 1)

enum { FORWARD, REVERSE, DIRECTIONS };

/* What a command may act on; directions[i] takes its frames from ports[i]. */
struct link {
    struct port ports[DIRECTIONS];
    struct direction directions[DIRECTIONS];
};

struct control {
    int listener;
    int clients[CONTROL_CLIENTS];
};

/* Listens on `path`, replacing a socket left there. Returns 0, or -1 after it has said why on stderr. */
int control_open(struct control *control, const char *path);
/* Fills CONTROL_FDS entries. */
void control_poll(const struct control *control, struct pollfd *fds);
/* Serves the entries poll() reported. */
void control_serve(struct control *control, const struct pollfd *fds, struct link *link, int64_t now);

#endif
