/* Which peer is to answer a request: the one that its header names, or the one that owns what it is about. */
#include "agent/api/recovery.h"
#include "agent/carry/carry.h"
#include "agent/peers/catch-up.h"
#include "base/error.h"

static int read_header(const struct arctic_agent *agent, const struct arci_request *request,
                       struct arctic_id *ret_peer, struct arctic_error *error)
{
    const char *text = arci_request_header(request, ARCI_CARRY_HEADER);
    if (!text)
        return ARCTIC_OK;
    if (!agent->bootstrapped)
        return arci_fail(error, ARCTIC_E_NOT_BOOTSTRAPPED, ARCI_CARRY_HEADER,
                         "this agent is not bootstrapped and knows no peers");
    if (arctic_id_parse(ARCTIC_ID_PEER, text, ret_peer, NULL) < 0)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, ARCI_CARRY_HEADER, "'%.60s' is no peer id", text);
    return ARCTIC_OK;
}

/* What is good for this host alone is not passed on. */
static int check_carriable(const struct arci_request *request, const struct arctic_id *peer,
                           struct arctic_error *error)
{
    const struct arci_http_endpoint *endpoint = arci_request_endpoint(request);
    if (endpoint->flags & ARCI_HTTP_NEVER_CARRIED)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, ARCI_CARRY_HEADER,
                         "%s %s is not passed on to other peers: send it to %s itself", endpoint->method,
                         endpoint->path, peer->text);
    if (arci_request_header(request, ARCI_RECOVERY_HEADER))
        return arci_fail(
            error, ARCTIC_E_FORBIDDEN, ARCI_RECOVERY_HEADER,
            "a recovery token counts on its own host only: use it there, or a client's token for "
            "what peer %s owns",
            peer->text);
    return ARCTIC_OK;
}

/* A peer that carries what it should not is no agent of this kind. */
static int check_taken(const struct arci_request *request, struct arctic_error *error)
{
    const struct arci_http_endpoint *endpoint = arci_request_endpoint(request);
    if (!(endpoint->flags & ARCI_HTTP_NEVER_CARRIED))
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL, "%s %s is not taken from other peers",
                     endpoint->method, endpoint->path);
}

int arci_carry_divert(void *context, struct arci_request *request, bool *ret_diverted,
                      struct arctic_error *error)
{
    struct arctic_agent *agent = context;
    const struct arci_http_endpoint *endpoint = arci_request_endpoint(request);
    struct arctic_id peer = {{0}};
    if (arci_request_is_carried(request)) {
        int code = check_taken(request, error);
        *ret_diverted = code >= 0 && arci_catch_up_hold(agent, request);
        return code;
    }
    int code = read_header(agent, request, &peer, error);
    if (code < 0)
        return code;
    bool addressed = peer.text[0] && !arctic_id_equal(&peer, &agent->local_id);
    if (!addressed && endpoint->owner)
        endpoint->owner(agent, request, &peer);
    if (!peer.text[0] || arctic_id_equal(&peer, &agent->local_id)) {
        *ret_diverted = arci_catch_up_hold(agent, request);
        return ARCTIC_OK;
    }
    /* What the records tell is better than nothing. */
    bool fallback = !addressed && arci_request_reads(request);
    code = check_carriable(request, &peer, error);
    if (code >= 0)
        code = arci_carry_start(agent, &peer, request, fallback, error);
    if (code < 0 && !addressed)
        error->field[0] = '\0';
    *ret_diverted = code >= 0;
    return fallback ? ARCTIC_OK : code;
}
