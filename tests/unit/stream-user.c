/* See stream-user.h. */
#include "stream-user.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "crypto/identity.h"
#include "crypto/tls.h"

const struct arci_transport_ops *ops;

void send_bytes(struct user *user, const void *bytes, size_t length)
{
    uint8_t buffer[ARCI_STREAM_HEADROOM + ARCI_STREAM_WRITE_MAX];
    assert_true(ops->writable(user->stream));
    memcpy(buffer + ARCI_STREAM_HEADROOM, bytes, length);
    ops->write(user->stream, buffer + ARCI_STREAM_HEADROOM, length);
}

void send_text(struct user *user, const char *text)
{
    send_bytes(user, text, strlen(text));
}

void end_flow(struct user *user, enum arci_stream_reason reason)
{
    if (user->stream)
        ops->close(user->stream, reason);
    user->stream = NULL;
    free(user->received);
    user->received = NULL;
}

static size_t on_early(void *context, uint8_t *bytes, size_t size)
{
    struct user *user = context;
    size_t length = user->early ? strlen(user->early) : 0;
    assert_true(length <= size);
    if (length > 0)
        memcpy(bytes, user->early, length);
    return length;
}

static void on_opened(void *context)
{
    ((struct user *)context)->opened = true;
}

/* Sends back what came, as far as there is room; finishes when the other end has. */
static void echo(struct user *user)
{
    if (!user->echo || user->failed)
        return;
    while (user->echoed < user->length && ops->writable(user->stream)) {
        size_t piece = user->length - user->echoed;
        if (piece > ARCI_STREAM_WRITE_MAX)
            piece = ARCI_STREAM_WRITE_MAX;
        send_bytes(user, user->received + user->echoed, piece);
        user->echoed += piece;
    }
    if (user->finished && user->echoed == user->length)
        ops->finish(user->stream);
}

static size_t on_data(void *context, const uint8_t *bytes, size_t length)
{
    struct user *user = context;
    size_t taken = length < user->appetite ? length : user->appetite;
    assert_false(user->finished || user->failed);
    user->received = realloc(user->received, user->length + taken + 1);
    assert_non_null(user->received);
    memcpy(user->received + user->length, bytes, taken);
    user->length += taken;
    user->received[user->length] = 0;
    user->appetite -= taken;
    echo(user);
    return taken;
}

static void on_finished(void *context)
{
    struct user *user = context;
    assert_false(user->finished || user->failed);
    user->finished = true;
    echo(user);
}

static void on_failed(void *context, enum arci_stream_reason reason, bool refused)
{
    struct user *user = context;
    assert_false(user->failed);
    user->failed = true;
    user->reason = reason;
    user->refused = refused;
}

static void on_writable(void *context)
{
    struct user *user = context;
    user->writable = true;
    echo(user);
}

const struct arci_stream_events user_events = {on_early,    on_opened, on_data,
                                               on_finished, on_failed, on_writable};

void make_party(struct party *party)
{
    struct arctic_error error;
    assert_ok(arctic_id_generate(ARCTIC_ID_PEER, &party->id, &error), error);
    assert_ok(arci_identity_generate(&party->identity, &error), error);
    assert_ok(arci_tls_create(party->identity, &party->tls, &error), error);
}

void release_party(struct party *party)
{
    arci_tls_free(party->tls);
    arci_identity_free(party->identity);
}

int bind_loopback(uint16_t *port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int yes = 1;
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    *port = ntohs(address.sin_port);
    return fd;
}

static void on_expired(uv_timer_t *timer)
{
    ((struct patience *)timer->data)->expired++;
}

void patience_begin(struct patience *patience, uv_loop_t *loop, uint64_t ms)
{
    uv_timer_init(loop, &patience->timer);
    patience->timer.data = patience;
    patience->expired = 0;
    uv_timer_start(&patience->timer, on_expired, ms, ms);
}

static void on_closed(uv_handle_t *handle)
{
    ((struct patience *)handle->data)->expired = -1;
}

/* It is on the caller's stack: the loop has to let go of it first. */
void patience_end(struct patience *patience)
{
    uv_loop_t *loop = patience->timer.loop;
    uv_close((uv_handle_t *)&patience->timer, on_closed);
    while (patience->expired != -1)
        uv_run(loop, UV_RUN_NOWAIT);
}
