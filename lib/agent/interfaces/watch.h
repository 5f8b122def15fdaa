/* What the control loop watches for one interface: a descriptor and a deadline of something that lives in lib/kernel. */
#ifndef ARCI_AGENT_INTERFACE_WATCH_H
#define ARCI_AGENT_INTERFACE_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include <arctic/error.h>

/* `now` is arci_time_monotonic(). */
struct arci_interface_watch_calls {
    int64_t (*deadline)(const void *object); /* INT64_MAX: none */
    bool (*read)(void *object, int64_t now); /* true: `changed` is called */
    bool (*tick)(void *object, int64_t now);
    void (*changed)(void *context);
};

struct arci_interface_watch;

/* Watches `fd` and the deadline until arci_interface_watch_end(). `calls` is static. Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY. */
int arci_interface_watch_begin(uv_loop_t *loop, int fd, const struct arci_interface_watch_calls *calls,
                               void *object, void *context, struct arci_interface_watch **ret_watch,
                               struct arctic_error *error);

/* The deadline may be another one, since the object was used by a call of others. */
void arci_interface_watch_again(struct arci_interface_watch *watch);

/* Calls nothing any more; the descriptor may be closed then. What is left goes with the loop's next turn. NULL is allowed. */
void arci_interface_watch_end(struct arci_interface_watch *watch);

#endif
