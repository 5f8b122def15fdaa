/* See queue.h. */
#include "proxy/queue.h"

static void receive_all(struct arci_queue *queue)
{
    struct arci_messages messages = STAILQ_HEAD_INITIALIZER(messages);
    uv_mutex_lock(&queue->mutex);
    STAILQ_CONCAT(&messages, &queue->messages);
    queue->count = 0;
    uv_mutex_unlock(&queue->mutex);
    struct arci_message *message;
    while ((message = STAILQ_FIRST(&messages))) {
        STAILQ_REMOVE_HEAD(&messages, link);
        queue->receive(queue->user, message);
    }
}

static void on_wake(uv_async_t *wake)
{
    receive_all(wake->data);
}

int arci_queue_open(struct arci_queue *queue, uv_loop_t *loop,
                    void (*receive)(void *user, struct arci_message *message), void *user)
{
    int code = uv_mutex_init(&queue->mutex);
    if (code < 0)
        return code;
    code = uv_async_init(loop, &queue->wake, on_wake);
    if (code < 0) {
        uv_mutex_destroy(&queue->mutex);
        return code;
    }
    queue->wake.data = queue;
    STAILQ_INIT(&queue->messages);
    queue->count = 0;
    queue->open = true;
    queue->receive = receive;
    queue->user = user;
    return 0;
}

bool arci_queue_send(struct arci_queue *queue, struct arci_message *message, size_t limit)
{
    uv_mutex_lock(&queue->mutex);
    bool room = queue->open && (limit == 0 || queue->count < limit);
    if (room) {
        STAILQ_INSERT_TAIL(&queue->messages, message, link);
        queue->count++;
        /* Within the lock: the reader may close the handle as soon as it has this message. */
        uv_async_send(&queue->wake);
    }
    uv_mutex_unlock(&queue->mutex);
    return room;
}

static void on_closed(uv_handle_t *handle)
{
    struct arci_queue *queue = handle->data;
    receive_all(queue);
    if (queue->closed)
        queue->closed(queue->user);
}

void arci_queue_close(struct arci_queue *queue, void (*closed)(void *user))
{
    uv_mutex_lock(&queue->mutex);
    queue->open = false;
    uv_mutex_unlock(&queue->mutex);
    queue->closed = closed;
    uv_close((uv_handle_t *)&queue->wake, on_closed);
}

void arci_queue_destroy(struct arci_queue *queue)
{
    uv_mutex_destroy(&queue->mutex);
}
