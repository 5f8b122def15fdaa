/* Messages from one loop's thread to another's: a list under a mutex and a uv_async_t that wakes the reader. */
#ifndef ARCI_PROXY_QUEUE_H
#define ARCI_PROXY_QUEUE_H

#include <stdbool.h>
#include <sys/queue.h>
#include <uv.h>

/* The head of every message; the rest follows it in a struct of the sender's. */
struct arci_message {
    STAILQ_ENTRY(arci_message) link;
    int kind;
};

STAILQ_HEAD(arci_messages, arci_message);

struct arci_queue {
    uv_async_t wake;
    uv_mutex_t mutex;
    struct arci_messages messages;
    size_t count;
    bool open;
    void (*receive)(void *user, struct arci_message *message); /* owns the message */
    void *user;
    void (*closed)(void *user);
};

/* Begins to receive on a loop. Returns 0 or a negative libuv error, after which nothing is to be closed. */
int arci_queue_open(struct arci_queue *queue, uv_loop_t *loop,
                    void (*receive)(void *user, struct arci_message *message), void *user);

/*
 * Sends, from any thread, until arci_queue_destroy(). False, and the message stays the sender's, when the queue was closed or, with a
 * `limit`, when as many wait.
 */
bool arci_queue_send(struct arci_queue *queue, struct arci_message *message, size_t limit);

/* Stops to receive. `closed` is called from the loop, with what was still under way received before. */
void arci_queue_close(struct arci_queue *queue, void (*closed)(void *user));

/* Once closed and when nobody can send any more. */
void arci_queue_destroy(struct arci_queue *queue);

#endif
