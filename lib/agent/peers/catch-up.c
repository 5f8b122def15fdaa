/* Changes that wait until this agent knows its own newest records. */
#include "agent/peers/catch-up.h"

#include <stdlib.h>
#include <string.h>

#include "agent/api/auth.h"
#include "agent/carry/carry.h"
#include "agent/local-peer.h"
#include "base/error.h"
#include "base/time.h"

/* Without any answer, and with answers that tell of other records yet. */
#define SILENCE_MS 3000
#define PATIENCE_MS 8000
#define ASK_AGAIN_MS 100
#define HELD_MAX 256

struct held {
    struct held *next;
    struct arci_request *request;
};

struct arci_catch_up {
    struct arctic_agent *agent;
    struct held *first;
    struct held **last;
    size_t count;
    bool heard;
    int64_t began_at; /* monotonic milliseconds */
    uv_timer_t timer;
};

static void free_catch_up(uv_handle_t *handle)
{
    free(handle->data);
}

/* What has been learned in the meantime may say that the client is none any more, or that another peer is to answer. */
static void serve(struct arctic_agent *agent, struct arci_request *request)
{
    const struct arci_http_endpoint *endpoint = arci_request_endpoint(request);
    struct arctic_error error;
    bool diverted = false;
    int code = arci_auth_authorize(agent, request, endpoint->scope, &error);
    if (code >= 0)
        code = arci_carry_divert(agent, request, &diverted, &error);
    if (code < 0)
        arci_request_fail(request, &error);
    else if (!diverted)
        endpoint->handler(agent, request);
}

/* In the order in which they came. */
static void end(struct arctic_agent *agent)
{
    struct arci_catch_up *catch_up = agent->catch_up;
    struct arctic_error error;
    agent->catch_up = NULL;
    if (agent->bootstrapped && agent->tunnel_port && !agent->stopping && !agent->leaving &&
        arci_local_peer_take_up(agent, &error) < 0)
        arci_log_error(agent->log, "gossip", "cannot renew the own peer record", ARCI_ERROR(&error));
    while (catch_up->first) {
        struct held *item = catch_up->first;
        catch_up->first = item->next;
        if (!agent->stopping) {
            serve(agent, item->request);
        } else {
            arci_fail(&error, ARCTIC_E_CANCELLED, NULL, "the agent stops: nothing was done");
            arci_request_fail(item->request, &error);
        }
        free(item);
    }
    uv_close((uv_handle_t *)&catch_up->timer, free_catch_up);
}

static void on_timer(uv_timer_t *timer)
{
    struct arci_catch_up *catch_up = timer->data;
    int64_t waited = arci_time_monotonic() - catch_up->began_at;
    if (catch_up->heard && waited < PATIENCE_MS) {
        uv_timer_start(timer, on_timer, (uint64_t)(PATIENCE_MS - waited), 0);
        return;
    }
    arci_log_warn(catch_up->agent->log, "gossip",
                  catch_up->heard
                      ? "records differ from those of the peers yet: changes are taken nevertheless"
                      : "no peer has answered since the start: changes are taken on what is known here",
                  ARCI_INT("changes_held", catch_up->count));
    end(catch_up->agent);
}

static void on_agreement(uv_timer_t *timer)
{
    struct arci_catch_up *catch_up = timer->data;
    end(catch_up->agent);
}

void arci_catch_up_start(struct arctic_agent *agent)
{
    if (agent->peer_count == 0 || agent->catch_up)
        return;
    struct arci_catch_up *catch_up = calloc(1, sizeof *catch_up);
    if (!catch_up)
        return; /* it would only wait */
    catch_up->agent = agent;
    catch_up->last = &catch_up->first;
    catch_up->began_at = arci_time_monotonic();
    uv_timer_init(&agent->loop, &catch_up->timer);
    catch_up->timer.data = catch_up;
    uv_timer_start(&catch_up->timer, on_timer, SILENCE_MS, 0);
    agent->catch_up = catch_up;
}

void arci_catch_up_hear(struct arctic_agent *agent, struct arci_agent_peer *peer)
{
    if (!agent->catch_up)
        return;
    agent->catch_up->heard = true;
    /* Not from within a callback of the link: what waits may be what ends it. */
    if (strcmp(peer->digest, arci_registry_digest(agent->registry)) == 0)
        uv_timer_start(&agent->catch_up->timer, on_agreement, 0, 0);
    else
        peer->next_ping_at = arci_time_monotonic() + ASK_AGAIN_MS;
}

bool arci_catch_up_hold(struct arctic_agent *agent, struct arci_request *request)
{
    struct arci_catch_up *catch_up = agent->catch_up;
    if (!catch_up || arci_request_reads(request) || !arci_request_endpoint(request)->scope ||
        catch_up->count == HELD_MAX)
        return false;
    struct held *item = malloc(sizeof *item);
    if (!item)
        return false;
    *item = (struct held){.request = request};
    *catch_up->last = item;
    catch_up->last = &item->next;
    catch_up->count++;
    return true;
}

void arci_catch_up_stop(struct arctic_agent *agent)
{
    if (agent->catch_up)
        end(agent);
}
