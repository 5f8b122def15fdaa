/* Requests that other peers have carried here: each is served like one that came over HTTP, and its answer goes back. */
#include <stdlib.h>
#include <string.h>

#include "agent/carry/carry-internal.h"
#include "base/error.h"

#define SERVED_MAX 256
#define SERVED_PER_LINK 64
/* What a message holds beside the body. */
#define ENVELOPE_MAX ((size_t)4096)

struct arci_served {
    struct arci_served *next;
    struct arctic_agent *agent;
    struct arci_link *link;
    int64_t id;
    bool reads;
    uint64_t changes_told; /* how many changes of this agent the link's other end knows of */
    bool forgotten;        /* while it was being submitted: nobody waits for the answer */
    struct arci_http_submission *submission; /* NULL until it is submitted, and once it has been answered */
    struct writing *writing;                 /* a large answer that becomes a message; NULL: none */
};

/* A large answer on a thread of the pool. */
struct writing {
    struct arci_served *served;
    struct arci_carried_response response; /* its body is owned */
    char *text;                            /* the message */
    int code;
    struct arctic_error error;
    uv_work_t work;
};

static void unlink_served(struct arci_served *served)
{
    struct arci_served **place = &served->agent->carrier->served;
    while (*place != served)
        place = &(*place)->next;
    *place = served->next;
}

static int make_message(const struct arci_carried_response *response, json_t **ret_message, size_t *ret_size,
                        struct arctic_error *error)
{
    size_t size = response->body ? arci_carried_body_size(response->body, response->body_length) : 0;
    if (size + ENVELOPE_MAX > ARCI_RECORD_MAX)
        return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, NULL,
                         "the answer of %zu bytes is too large to be passed on: ask its peer directly",
                         response->body_length);
    *ret_size = size;
    return arci_carried_response_to_json(response, ret_message, error);
}

static int send_response(struct arci_link *link, const struct arci_carried_response *response,
                         struct arctic_error *error)
{
    json_t *made = NULL;
    size_t size = 0;
    int code = make_message(response, &made, &size, error);
    ARCI_JSON *message = made;
    return code < 0 ? code : arci_carry_send(link, message, size, error);
}

/* What is told for one request need not be told for the others of its link. */
static void tell_changes(const struct arci_served *answered)
{
    struct arci_carrier *carrier = answered->agent->carrier;
    arci_carry_tell_changes(answered->agent, answered->link, answered->changes_told);
    for (struct arci_served *served = carrier->served; served; served = served->next) {
        if (served->link == answered->link)
            served->changes_told = carrier->changes.count;
    }
}

/* Refuses a request by itself; what cannot be sent is left to the deadline of who waits. */
static void refuse(struct arctic_agent *agent, struct arci_link *link, int64_t id,
                   const struct arctic_error *reason)
{
    struct arctic_error error;
    ARCI_JSON *body =
        json_pack("{s:s, s:s}", "error", reason->message, "code", arctic_code_name(reason->code));
    ARCI_FREE char *text = body ? arci_json_canonical(body) : NULL;
    const struct arci_carried_response response = {
        .id = id,
        .status = (unsigned)arctic_code_http_status(reason->code),
        .content_type = "application/json",
        .body = text,
        .body_length = text ? strlen(text) : 0,
    };
    int code = text ? send_response(link, &response, &error) : arci_fail_memory(&error);
    if (code < 0)
        arci_log_warn(agent->log, "api", "cannot answer a carried request", ARCI_ERROR(&error));
}

/* The end of a request that was served: what could not be sent is refused. */
static void finish(struct arci_served *served, int code, struct arctic_error *error)
{
    if (code < 0) {
        arci_log_warn(served->agent->log, "api", "cannot send the answer to a carried request",
                      ARCI_ERROR(error));
        if (code != ARCTIC_E_PEER_UNREACHABLE)
            arci_fail(error, ARCTIC_E_INTERNAL, NULL, "internal error, the owner's log says more");
        refuse(served->agent, served->link, served->id, error);
    }
    unlink_served(served);
    free(served);
}

/* --- Large answers --- */

static void free_writing(struct writing *writing)
{
    free((char *)writing->response.body);
    free(writing->text);
    free(writing);
}

static void write_message(uv_work_t *work)
{
    struct writing *writing = work->data;
    json_t *made = NULL;
    size_t size = 0;
    writing->code = make_message(&writing->response, &made, &size, &writing->error);
    ARCI_JSON *message = made;
    if (writing->code < 0)
        return;
    writing->text = arci_json_canonical(message);
    if (!writing->text)
        writing->code = arci_fail_memory(&writing->error);
}

static void on_written(uv_work_t *work, int status)
{
    struct writing *writing = work->data;
    struct arci_served *served = writing->served;
    struct arctic_error error = writing->error;
    int code = writing->code;
    served->agent->carrier->writing -= writing->response.body_length;
    served->writing = NULL;
    if (status < 0)
        code = arci_fail_errnum(&error, -status, "cannot use a thread");
    if (served->forgotten) {
        free(served);
    } else {
        if (code >= 0)
            code = arci_carry_send_text(served->link, writing->text, strlen(writing->text), &error);
        finish(served, code, &error);
    }
    free_writing(writing);
}

/* Takes the time of a large answer from the loop. What is made at a time is bounded like what waits on a link. */
static int begin_writing(struct arci_served *served, const struct arci_carried_response *response,
                         struct arctic_error *error)
{
    struct arci_carrier *carrier = served->agent->carrier;
    size_t length = response->body_length;
    int code = arci_carry_check_queue(carrier->writing, length, error);
    if (code >= 0)
        code = arci_carry_check_queue(arci_link_queued(served->link), length, error);
    if (code < 0)
        return code;
    struct writing *writing = calloc(1, sizeof *writing);
    char *body = writing ? malloc(length) : NULL;
    if (!body) {
        free(writing);
        return arci_fail_memory(error);
    }
    memcpy(body, response->body, length);
    writing->served = served;
    writing->response = *response;
    writing->response.body = body;
    writing->work.data = writing;
    int result = uv_queue_work(&served->agent->loop, &writing->work, write_message, on_written);
    if (result < 0) {
        free_writing(writing);
        return arci_fail_errnum(error, -result, "cannot use a thread");
    }
    carrier->writing += length;
    served->writing = writing;
    return ARCTIC_OK;
}

static void answer(void *context, const struct arci_http_answer *answer)
{
    struct arci_served *served = context;
    struct arctic_error error;
    if (served->forgotten) {
        free(served);
        return;
    }
    served->submission = NULL;
    const struct arci_carried_response response = {
        .id = served->id,
        .status = answer->status,
        .content_type = answer->content_type,
        .body = answer->length > 0 ? answer->body : NULL,
        .body_length = answer->length,
    };
    bool large = response.body && response.body_length >= ARCI_LINK_LARGE;
    if (!served->reads && answer->status >= 200 && answer->status < 300)
        tell_changes(served);
    int code = !answer->status ? arci_fail_memory(&error)
               : large         ? begin_writing(served, &response, &error)
                               : send_response(served->link, &response, &error);
    if (!served->writing)
        finish(served, code, &error);
}

/* True where the request may be served; else it has been refused, or is one that is under way already. */
static bool has_room(struct arctic_agent *agent, struct arci_link *link, const struct arctic_id *peer_id,
                     int64_t id)
{
    struct arctic_error error;
    size_t all = 0;
    size_t of_link = 0;
    for (const struct arci_served *served = agent->carrier->served; served; served = served->next) {
        all++;
        of_link += served->link == link;
        if (served->link != link || served->id != id)
            continue;
        arci_log_warn(agent->log, "api", "carried request dropped: its number is in use",
                      ARCI_TEXT("peer_id", peer_id->text), ARCI_INT("id", id));
        return false;
    }
    if (all < SERVED_MAX && of_link < SERVED_PER_LINK)
        return true;
    arci_fail(&error, ARCTIC_E_PEER_UNREACHABLE, NULL,
              "%zu carried requests are under way at the owner already: nothing was done, try again soon",
              all);
    refuse(agent, link, id, &error);
    return false;
}

static int submit(struct arci_served *served, const struct arci_carried_request *request,
                  struct arctic_error *error)
{
    const struct arci_http_header headers[] = {{"Authorization", request->authorization}};
    const struct arci_http_submit_options options = {
        .method = request->method,
        .target = request->target,
        .headers = headers,
        .header_count = request->authorization ? 1 : 0,
        .body = request->body,
        .body_length = request->body_length,
        .remote = *arci_link_remote(served->link),
        .carried = true,
    };
    struct arci_http_submission *submission = NULL;
    int code = arci_http_server_submit(served->agent->api, &options, answer, served, &submission, error);
    /* Without one the answer was given, and `served` is no more. */
    if (code < 0 || !submission)
        return code;
    served->submission = submission;
    if (served->forgotten) {
        arci_http_submission_cancel(submission);
        free(served);
    }
    return code;
}

static void serve(struct arctic_agent *agent, struct arci_link *link,
                  const struct arci_carried_request *request)
{
    struct arctic_error error;
    struct arci_served *served = calloc(1, sizeof *served);
    if (!served) {
        arci_fail(&error, ARCTIC_E_INTERNAL, NULL, "the owner is out of memory");
        refuse(agent, link, request->id, &error);
        return;
    }
    *served = (struct arci_served){
        .next = agent->carrier->served,
        .agent = agent,
        .link = link,
        .id = request->id,
        .reads = strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0,
        .changes_told = agent->carrier->changes.count,
    };
    agent->carrier->served = served;
    if (submit(served, request, &error) >= 0)
        return;
    refuse(agent, link, request->id, &error);
    unlink_served(served);
    free(served);
}

void arci_served_take(struct arctic_agent *agent, struct arci_link *link, const struct arctic_id *peer_id,
                      const json_t *message)
{
    struct arci_carried_request request;
    struct arctic_error error;
    if (arci_carried_request_from_json(message, &request, &error) < 0) {
        arci_log_warn(agent->log, "api", "carried request dropped", ARCI_TEXT("peer_id", peer_id->text),
                      ARCI_ERROR(&error));
        error.code = ARCTIC_E_INVALID_REQUEST;
        if (request.id)
            refuse(agent, link, request.id, &error);
        return;
    }
    if (agent->api && has_room(agent, link, peer_id, request.id))
        serve(agent, link, &request);
}

void arci_served_forget(struct arctic_agent *agent, const struct arci_link *link)
{
    struct arci_served **place = &agent->carrier->served;
    while (*place) {
        struct arci_served *served = *place;
        if (link && served->link != link) {
            place = &served->next;
            continue;
        }
        *place = served->next;
        /* What is served may itself end the link, such as the revocation of the peer that asked for it; or it is being written. */
        served->forgotten = !served->submission;
        arci_http_submission_cancel(served->submission);
        if (!served->forgotten)
            free(served);
    }
}
