/* POST /v1/routes/explain: the request, and what is told of the outcome. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/api/api.h"
#include "agent/api/explain.h"
#include "base/error.h"
#include "model/members.h"

#define LOSERS_DEFAULT 100
#define LOSERS_MAX 10000

struct explain_request {
    struct arctic_agent *agent;
    struct arci_request *request;
    int64_t limit;
};

static int read_address(const json_t *object, const char *name, struct arctic_address *ret_address,
                        struct arctic_error *error)
{
    const char *text = NULL;
    int code = arci_json_text(object, name, true, &text, error);
    if (code >= 0)
        code = arctic_address_parse(text, ret_address, error);
    return code == ARCTIC_E_INVALID_REQUEST ? arci_fail_at(error, code, name) : code;
}

static int read_body(const json_t *object, struct arctic_flow *ret_flow, int64_t *ret_limit,
                     struct arctic_error *error)
{
    static const char *const members[] = {"source", "dest", "interface", "limit", NULL};
    int code = arci_json_check_members(object, members, error);
    if (code >= 0)
        code = read_address(object, "source", &ret_flow->source, error);
    if (code >= 0)
        code = read_address(object, "dest", &ret_flow->destination, error);
    if (code >= 0 && ret_flow->source.family != ret_flow->destination.family)
        code = arci_fail(error, ARCTIC_E_INVALID_REQUEST, "dest",
                         "source and destination are of different families: both IPv4 or both IPv6");
    if (code >= 0)
        code = arci_json_copy_text(object, "interface", false, ret_flow->interface,
                                   sizeof ret_flow->interface, error);
    if (code >= 0)
        code = arci_json_integer(object, "limit", false, 0, LOSERS_MAX, ret_limit, error);
    return code;
}

static const char *class_name(int32_t match_class)
{
    static const char *const names[] = {"interface", "source_dest", "source", "dest"};
    return names[match_class];
}

static const char *reason_name(int32_t reason)
{
    static const char *const names[] = {
        "winner",        "other_family",   "source_mismatch", "dest_mismatch",         "other_interface",
        "less_specific", "shorter_source", "shorter_dest",    "higher_priority_value", "later_service",
        "later_route",
    };
    return names[reason];
}

static int compare_id(const void *key, const void *item)
{
    const struct arci_explained_service *row = item;
    return strcmp(key, row->entry->content.service.id.text);
}

static const struct arci_service *service_of(const struct arci_explanation *explanation,
                                             const struct arctic_match *row)
{
    const struct arci_explained_service *found =
        bsearch(row->service_id.text, explanation->services, explanation->service_count,
                sizeof *explanation->services, compare_id);
    return &found->entry->content.service;
}

static json_t *row_json(const struct arctic_agent *agent, const struct arci_explanation *explanation,
                        const struct arctic_match *row, const char *reason, const char *text)
{
    const struct arci_service *service = service_of(explanation, row);
    struct arci_service_live live;
    arci_reconcile_live(agent, service, &live);
    ARCI_JSON *object = json_object();
    if (!object || !arci_put_text(object, "service_id", service->id.text) ||
        !arci_put_text(object, "service_name", service->name) ||
        !arci_put_text(object, "target_peer_id", service->target_peer_id.text) ||
        !arci_put_integer(object, "route_id", (int64_t)row->route_id) ||
        !arci_put_cidr(object, "source_cidr", &row->source) ||
        !arci_put_cidr(object, "dest_cidr", &row->destination) ||
        !arci_put_integer(object, "priority", row->priority) ||
        !arci_put_text(object, "class", class_name(row->match_class)) ||
        !arci_put_text(object, "reason", reason) || !arci_put_text(object, "reason_text", text) ||
        !arci_put_text(object, "service_state", arci_service_state_name(live.state)) ||
        !arci_put_text(object, "service_state_reason", live.state_reason))
        return NULL;
    return arci_steal(object);
}

static bool is_mismatch(const struct arctic_match *row)
{
    return row->reason >= ARCTIC_MATCH_OTHER_FAMILY && row->reason <= ARCTIC_MATCH_OTHER_INTERFACE;
}

/* What no route takes, wherever it points. */
static const char *never_captured(struct arctic_agent *agent, const struct arctic_flow *flow)
{
    static const struct arci_exit_policy open = {.allowed_count = 0};
    const struct arci_host_addresses *host = arci_own_addresses(&agent->own_addresses);
    const struct arctic_endpoint destination = {flow->destination, 1};
    if (arci_policy_is_own(host, &flow->destination))
        return "never captured: the destination is an address of this host";
    return arci_policy_forbids(&open, host, &destination)
               ? "never captured: loopback, link-local, multicast, broadcast and unspecified addresses"
               : NULL;
}

/* Losers in their order: those that match, of services that run and then of those that do not, and then the rest. */
struct losers {
    const struct arctic_agent *agent;
    const struct arci_explanation *explanation;
    json_t *list;
    size_t room; /* rows that may still be shown */
    size_t matching;
};

static void add_loser(struct losers *losers, const struct arctic_match *row, const char *reason,
                      const char *text)
{
    losers->matching += !is_mismatch(row);
    if (losers->room == 0)
        return;
    losers->room--;
    json_array_append_new(losers->list, row_json(losers->agent, losers->explanation, row, reason, text));
}

static void add_losers(struct losers *losers, bool mismatches, size_t winners, const char *never)
{
    const struct arci_explanation *explanation = losers->explanation;
    for (size_t i = winners; i < explanation->row_count; i++) {
        const struct arctic_match *row = &explanation->rows[i];
        bool barred = row->reason == ARCTIC_MATCH_WINNER;
        if (is_mismatch(row) == mismatches)
            add_loser(losers, row, barred ? "never_captured" : reason_name(row->reason),
                      barred ? never : arctic_match_reason_text(row->reason));
    }
    for (size_t i = 0; i < explanation->idle_count; i++) {
        const struct arctic_match *row = &explanation->idle_rows[i];
        if (is_mismatch(row) == mismatches)
            add_loser(losers, row, mismatches ? reason_name(row->reason) : "service_idle",
                      mismatches ? arctic_match_reason_text(row->reason)
                                 : "matches, but its service takes no traffic now");
    }
}

static enum arci_capture capture_of(const struct arci_explanation *explanation,
                                    const struct arctic_match *row)
{
    const struct arci_explained_service *found =
        bsearch(row->service_id.text, explanation->services, explanation->service_count,
                sizeof *explanation->services, compare_id);
    return found->capture;
}

static json_t *outcome_json(const struct explain_request *asked, const struct arci_explanation *explanation)
{
    struct arctic_agent *agent = asked->agent;
    const struct arctic_flow *flow = &explanation->flow;
    const char *never = never_captured(agent, flow);
    const struct arctic_match *winner =
        !never && explanation->row_count > 0 && explanation->rows[0].reason == ARCTIC_MATCH_WINNER
            ? &explanation->rows[0]
            : NULL;
    char source[ARCTIC_ADDRESS_TEXT];
    char dest[ARCTIC_ADDRESS_TEXT];
    struct losers losers = {
        .agent = agent, .explanation = explanation, .list = json_array(), .room = (size_t)asked->limit};
    add_losers(&losers, false, winner ? 1 : 0, never);
    add_losers(&losers, true, winner ? 1 : 0, never);
    const char *action = "direct";
    if (winner)
        action = capture_of(explanation, winner) == ARCI_CAPTURE_CARRIES ? "carry" : "refuse";
    size_t total = explanation->row_count + explanation->idle_count - (winner ? 1 : 0);
    return json_pack(
        "{s:s, s:s, s:s?, s:s, s:s?, s:o, s:o, s:I, s:I, s:b}", "source",
        arctic_address_format(&flow->source, source), "dest", arctic_address_format(&flow->destination, dest),
        "interface", flow->interface[0] ? flow->interface : NULL, "action", action, "action_reason", never,
        "winner", winner ? row_json(agent, explanation, winner, "winner", "winner") : json_null(), "losers",
        losers.list, "loser_count", (json_int_t)total, "matching_losers", (json_int_t)losers.matching,
        "truncated", total > (size_t)asked->limit);
}

static void on_explained(void *context, const struct arci_explanation *explanation)
{
    struct explain_request *asked = context;
    if (explanation->code < 0)
        arci_request_fail(asked->request, &explanation->error);
    else
        arci_request_respond_json(asked->request, 200, outcome_json(asked, explanation));
    free(asked);
}

void arci_api_routes_explain(void *context, struct arci_request *request)
{
    struct arctic_agent *agent = context;
    struct arctic_flow flow = {0};
    struct arctic_error error;
    ARCI_FREE struct explain_request *asked = malloc(sizeof *asked);
    if (!asked) {
        arci_fail_memory(&error);
        arci_request_fail(request, &error);
        return;
    }
    *asked = (struct explain_request){agent, request, LOSERS_DEFAULT};
    int code = read_body(arci_request_json(request), &flow, &asked->limit, &error);
    if (code >= 0)
        code = arci_explain_start(agent, &flow, on_explained, asked, &error);
    if (code < 0) {
        arci_request_fail(request, &error);
        return;
    }
    (void)arci_steal(asked);
}
