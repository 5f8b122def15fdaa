/* Dialling a peer: endpoint after endpoint until a handshake has succeeded. */
#include "cluster/dial.h"

#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"

struct arci_dial {
    struct arci_dial_options options;
    struct arctic_endpoint endpoints[ARCI_PEER_ENDPOINTS_MAX];
    uint8_t expected_key[ARCI_KEY_SIZE];
    char suggested_name[ARCI_NAME_SIZE];
    size_t next_endpoint;
    struct arci_link *link;
    struct arci_handshake_initiator initiator;
    struct arctic_error last_error;
    json_t *revocation; /* that came with a refusal; may be NULL */
    uv_timer_t timer;   /* the start, outside of the caller's stack, and the limit on the handshake */
};

static void free_dial(uv_handle_t *handle)
{
    struct arci_dial *dial = handle->data;
    json_decref(dial->revocation);
    free(dial);
}

static void close_dial(struct arci_dial *dial)
{
    arci_link_close(dial->link);
    dial->link = NULL;
    if (!uv_is_closing((uv_handle_t *)&dial->timer))
        uv_close((uv_handle_t *)&dial->timer, free_dial);
}

const json_t *arci_dial_revocation(const struct arci_dial *dial)
{
    return dial->revocation;
}

void arci_dial_cancel(struct arci_dial *dial)
{
    if (dial)
        close_dial(dial);
}

bool arci_dial_tries(const struct arci_dial *dial, const struct arctic_endpoint *endpoint)
{
    return dial->next_endpoint > 0 &&
           arci_endpoint_equal(&dial->endpoints[dial->next_endpoint - 1], endpoint);
}

static void try_next(struct arci_dial *dial);

static void fail_attempt(struct arci_dial *dial, const struct arctic_error *error)
{
    dial->last_error = *error;
    arci_link_close(dial->link);
    dial->link = NULL;
    if (dial->options.failed)
        dial->options.failed(dial->options.context, &dial->endpoints[dial->next_endpoint - 1]);
    try_next(dial);
}

static void on_handshake_timeout(uv_timer_t *timer)
{
    struct arci_dial *dial = timer->data;
    struct arctic_error error;
    arci_fail(&error, ARCTIC_E_HANDSHAKE_FAILED, NULL, "handshake failed: no answer within %llu ms",
              (unsigned long long)dial->options.link.connect_timeout);
    fail_attempt(dial, &error);
}

static int send_hello(struct arci_dial *dial, struct arctic_error *error)
{
    struct arci_handshake_self self;
    uint8_t exporter[ARCI_EXPORTER_SIZE];
    json_t *made = NULL;
    int code = arci_link_exporter(dial->link, ARCI_EXPORTER_LABEL, exporter, sizeof exporter, error);
    if (code < 0)
        return code;
    dial->options.self(dial->options.context, &self);
    code = arci_handshake_hello(&self, exporter, dial->suggested_name, &dial->initiator, &made, error);
    ARCI_JSON *hello = made;
    return code < 0 ? code : arci_link_send(dial->link, hello, error);
}

static void on_open(void *context, struct arci_link *link)
{
    struct arci_dial *dial = context;
    struct arctic_error error;
    (void)link;
    if (send_hello(dial, &error) < 0)
        fail_attempt(dial, &error);
    else
        uv_timer_start(&dial->timer, on_handshake_timeout, dial->options.link.connect_timeout, 0);
}

static void keep_revocation(struct arci_dial *dial, const json_t *answer)
{
    json_t *revocation = json_object_get(answer, "revocation");
    if (!revocation || strcmp(arci_message_type(answer), "refused") != 0)
        return;
    json_decref(dial->revocation);
    dial->revocation = json_incref(revocation);
}

static void on_message(void *context, struct arci_link *link, const json_t *message)
{
    struct arci_dial *dial = context;
    struct arci_handshake_self self;
    struct arci_handshake_remote remote;
    struct arctic_error error;
    uint8_t key[ARCI_KEY_SIZE];
    int code = ARCTIC_OK;
    if (!arci_link_peer_key(link, key))
        code =
            arci_fail(&error, ARCTIC_E_HANDSHAKE_FAILED, NULL, "handshake failed: the connection has no key");
    dial->options.self(dial->options.context, &self);
    if (code >= 0)
        code = arci_handshake_judge_answer(&self, &dial->initiator, key, message, &remote, &error);
    if (code < 0) {
        keep_revocation(dial, message);
        fail_attempt(dial, &error);
        return;
    }
    dial->link = NULL;
    dial->options.done(dial->options.context, link, &remote, NULL);
    arci_handshake_remote_release(&remote);
    close_dial(dial);
}

static void on_closed(void *context, struct arci_link *link, const struct arctic_error *error)
{
    struct arci_dial *dial = context;
    (void)link;
    dial->link = NULL;
    fail_attempt(dial, error);
}

static const struct arci_link_events dial_events = {
    .on_open = on_open, .on_message = on_message, .on_closed = on_closed};

static void try_next(struct arci_dial *dial)
{
    uv_timer_stop(&dial->timer);
    while (dial->next_endpoint < dial->options.endpoint_count) {
        const struct arctic_endpoint *endpoint = &dial->endpoints[dial->next_endpoint++];
        const uint8_t *key = dial->options.expected_key ? dial->expected_key : NULL;
        if (arci_link_connect(&dial->options.link, endpoint, key, &dial->link, &dial->last_error) >= 0)
            return;
    }
    dial->options.done(dial->options.context, NULL, NULL, &dial->last_error);
    close_dial(dial);
}

static void on_start(uv_timer_t *timer)
{
    try_next(timer->data);
}

int arci_dial_start(const struct arci_dial_options *options, struct arci_dial **ret_dial,
                    struct arctic_error *error)
{
    if (options->endpoint_count == 0 || options->endpoint_count > ARCI_PEER_ENDPOINTS_MAX)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "%zu endpoints to dial", options->endpoint_count);
    struct arci_dial *dial = calloc(1, sizeof *dial);
    if (!dial)
        return arci_fail_memory(error);
    dial->options = *options;
    dial->options.link.events = &dial_events;
    dial->options.link.context = dial;
    dial->options.link.message_limit = ARCI_HANDSHAKE_MESSAGE_MAX;
    memcpy(dial->endpoints, options->endpoints, options->endpoint_count * sizeof dial->endpoints[0]);
    if (options->expected_key)
        memcpy(dial->expected_key, options->expected_key, sizeof dial->expected_key);
    strncpy(dial->suggested_name, options->suggested_name, sizeof dial->suggested_name - 1);
    uv_timer_init(options->link.loop, &dial->timer);
    dial->timer.data = dial;
    uv_timer_start(&dial->timer, on_start, 0, 0);
    *ret_dial = dial;
    return ARCTIC_OK;
}
