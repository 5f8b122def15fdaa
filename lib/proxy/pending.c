/* See pending.h. */
#include "proxy/pending.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "proxy/exit.h"
#include "proxy/worker.h"

struct arci_pending {
    TAILQ_ENTRY(arci_pending) link; /* the oldest first */
    struct arci_worker *worker;
    struct arci_stream *stream;
    struct arctic_id peer_id;
    struct arci_stream_request request;
    int64_t deadline;
};

/* Its stream is somebody else's, or has ended. */
static void forget(struct arci_pending *pending)
{
    struct arci_worker *worker = pending->worker;
    TAILQ_REMOVE(&worker->pending, pending, link);
    worker->pending_count--;
    free(pending);
}

/* The peer has given the flow up, or is gone. */
static void on_failed(void *user, enum arci_stream_reason reason, bool refused)
{
    struct arci_pending *pending = user;
    (void)refused;
    pending->worker->ops->close(pending->stream, reason);
    forget(pending);
}

/* Before accept() there are no other events. */
static const struct arci_stream_events pending_events = {.failed = on_failed};

bool arci_pending_add(struct arci_worker *worker, struct arci_stream *stream, const struct arctic_id *peer_id,
                      const struct arci_stream_request *request)
{
    if (worker->pending_count >= ARCI_PENDING_MAX)
        return false;
    struct arci_pending *pending = calloc(1, sizeof *pending);
    if (!pending)
        return false;
    pending->worker = worker;
    pending->stream = stream;
    pending->peer_id = *peer_id;
    pending->request = *request;
    pending->deadline = arci_worker_now(worker) + ARCI_PENDING_MS;
    TAILQ_INSERT_TAIL(&worker->pending, pending, link);
    worker->pending_count++;
    worker->ops->watch(stream, &pending_events, pending);
    return true;
}

static void try_again(struct arci_pending *pending, bool last)
{
    if (arci_exit_try(pending->worker, pending->stream, &pending->peer_id, &pending->request, last))
        forget(pending);
}

void arci_pending_retry(struct arci_worker *worker)
{
    struct arci_pending *next;
    for (struct arci_pending *pending = TAILQ_FIRST(&worker->pending); pending; pending = next) {
        next = TAILQ_NEXT(pending, link);
        try_again(pending, false);
    }
}

void arci_pending_tick(struct arci_worker *worker)
{
    struct arci_pending *oldest;
    while ((oldest = TAILQ_FIRST(&worker->pending)) && oldest->deadline <= arci_worker_now(worker))
        try_again(oldest, true);
}

void arci_pending_refuse_all(struct arci_worker *worker, enum arci_stream_reason reason)
{
    struct arci_pending *pending;
    while ((pending = TAILQ_FIRST(&worker->pending))) {
        worker->ops->refuse(pending->stream, reason);
        forget(pending);
    }
}
