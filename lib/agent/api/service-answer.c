/* See service-answer.h. */
#include "agent/api/service-answer.h"

#include <stdlib.h>
#include <string.h>

#include "agent/api/counters-text.h"
#include "agent/api/service-text.h"
#include "base/error.h"

/* Up to here the loop makes the text itself, in less time than it takes to wake a thread. */
#define ROUTES_AT_ONCE 512

struct route_count {
    uint64_t route_id;
    struct arci_service_stats stats;
};

struct answer {
    struct arctic_agent *agent;
    struct arci_request *request;
    const struct arci_entry *entry; /* holds a reference */
    int status;
    bool list;                       /* the routes alone, with their counters */
    bool counted;                    /* this agent is the one that counts */
    bool failed;                     /* memory ran out */
    const struct arci_route *routes; /* those that are shown */
    size_t route_count;
    struct route_count *counts;
    size_t count, capacity;
    struct arci_buffer text;
    uv_work_t work;
};

static void free_answer(struct answer *answer)
{
    if (!answer)
        return;
    arci_entry_unref(answer->entry);
    arci_buffer_release(&answer->text);
    free(answer->counts);
    free(answer);
}

/* What was counted, gathered on the loop: the table of counters is the loop's */

static void add_count(void *user, uint64_t route_id, const struct arci_service_stats *stats)
{
    struct answer *answer = user;
    if (answer->route_count == 0 || route_id < answer->routes[0].id ||
        route_id > answer->routes[answer->route_count - 1].id)
        return;
    if (answer->count == answer->capacity) {
        size_t capacity = answer->capacity ? answer->capacity * 2 : 64;
        struct route_count *grown = realloc(answer->counts, capacity * sizeof *grown);
        if (!grown) {
            answer->failed = true;
            return;
        }
        answer->counts = grown;
        answer->capacity = capacity;
    }
    answer->counts[answer->count++] = (struct route_count){route_id, *stats};
}

static int compare_counts(const void *a, const void *b)
{
    const struct route_count *left = a, *right = b;
    return (left->route_id > right->route_id) - (left->route_id < right->route_id);
}

/* Routes, on any thread */

static void append_cidr(const char *name, const struct arctic_cidr *cidr, struct arci_buffer *text)
{
    char written[ARCTIC_CIDR_TEXT];
    if (cidr->address.family == ARCTIC_FAMILY_NONE)
        arci_buffer_format(text, ",\"%s\":null", name);
    else
        arci_buffer_format(text, ",\"%s\":\"%s\"", name, arctic_cidr_format(cidr, written));
}

static void append_route(const struct arci_route *route, struct arci_buffer *text)
{
    arci_buffer_format(text, "{\"id\":%llu", (unsigned long long)route->id);
    append_cidr("source_cidr", &route->source, text);
    append_cidr("dest_cidr", &route->destination, text);
    arci_buffer_format(text, ",\"priority\":%d", route->priority);
}

/* Routes and counts are both in the order of ids; counts may be of routes that have just gone. */
static void append_counters(const struct answer *answer, uint64_t route_id, size_t *next,
                            struct arci_buffer *text)
{
    if (!answer->counted) {
        arci_buffer_text(text, ",\"counters\":null");
        return;
    }
    while (*next < answer->count && answer->counts[*next].route_id < route_id)
        (*next)++;
    bool found = *next < answer->count && answer->counts[*next].route_id == route_id;
    arci_buffer_text(text, ",\"counters\":");
    arci_route_counters_text_append(found ? &answer->counts[*next].stats : NULL, text);
}

static void append_routes(struct answer *answer)
{
    struct arci_buffer *text = &answer->text;
    size_t next = 0;
    if (answer->count > 1)
        qsort(answer->counts, answer->count, sizeof *answer->counts, compare_counts);
    arci_buffer_text(text, "\"routes\":[");
    for (size_t i = 0; i < answer->route_count; i++) {
        if (i > 0)
            arci_buffer_text(text, ",");
        append_route(&answer->routes[i], text);
        if (answer->list)
            append_counters(answer, answer->routes[i].id, &next, text);
        arci_buffer_text(text, "}");
    }
    arci_buffer_text(text, "]");
}

/* The rest, on the loop */

static struct answer *make_answer(struct arctic_agent *agent, struct arci_request *request,
                                  const struct arci_entry *entry, int status)
{
    struct answer *answer = calloc(1, sizeof *answer);
    if (!answer)
        return NULL;
    answer->agent = agent;
    answer->request = request;
    answer->entry = arci_entry_ref(entry);
    answer->routes = entry->content.service.routes.items;
    answer->route_count = entry->content.service.routes.count;
    answer->status = status;
    answer->counted = arctic_id_equal(&entry->content.service.source_peer_id, &agent->local_id);
    answer->work.data = answer;
    return answer;
}

static void fail(struct arci_request *request)
{
    struct arctic_error error;
    arci_fail_memory(&error);
    arci_request_fail(request, &error);
}

/* Read last, so that they are never older than the answer. */
static void append_own_counters(struct answer *answer)
{
    const struct arctic_agent *agent = answer->agent;
    const struct arci_service *service = &answer->entry->content.service;
    struct arci_service_stats stats;
    if (!answer->counted) {
        arci_buffer_format(&answer->text,
                           ",\"counters\":null,\"counters_reason\":\"the source peer %s counts, and its "
                           "answer has not come\"",
                           service->source_peer_id.text);
        return;
    }
    bool any = agent->proxy && arci_proxy_service_stats(agent->proxy, &service->id, &stats);
    arci_buffer_text(&answer->text, ",\"counters\":");
    arci_counters_text_append(any ? &stats : NULL, &answer->text);
    arci_buffer_text(&answer->text, ",\"counters_reason\":null");
}

static void finish(struct answer *answer)
{
    if (!answer->list)
        append_own_counters(answer);
    arci_buffer_text(&answer->text, "}\n");
    if (answer->failed)
        answer->text.failed = true;
    arci_request_respond_text(answer->request, answer->status, "application/json",
                              arci_buffer_take_text(&answer->text));
    free_answer(answer);
}

static void write_routes(uv_work_t *work)
{
    append_routes(work->data);
}

static void on_written(uv_work_t *work, int status)
{
    struct answer *answer = work->data;
    if (status < 0)
        answer->failed = true;
    finish(answer);
}

/* Writes the routes here or on the pool. */
static void write_or_queue(struct answer *answer)
{
    bool many = answer->route_count > ROUTES_AT_ONCE;
    if (many && uv_queue_work(&answer->agent->loop, &answer->work, write_routes, on_written) >= 0)
        return;
    append_routes(answer);
    finish(answer);
}

void arci_answer_service(struct arctic_agent *agent, struct arci_request *request,
                         const struct arci_entry *entry, int status)
{
    bool many = entry->content.service.routes.count > ROUTES_AT_ONCE;
    struct answer *answer = make_answer(agent, request, entry, status);
    if (!answer) {
        fail(request);
        return;
    }
    /* A text that ends with the object: what is missing goes before its end. */
    arci_service_text_append(agent, entry, !many, &answer->text);
    if (!answer->text.failed)
        answer->text.length--;
    if (!many) {
        finish(answer);
        return;
    }
    arci_buffer_text(&answer->text, ",");
    write_or_queue(answer);
}

static void cut(struct answer *answer, const struct arci_route_page *page)
{
    size_t low = 0;
    size_t high = answer->route_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (answer->routes[middle].id <= page->after)
            low = middle + 1;
        else
            high = middle;
    }
    if (low > 0)
        answer->routes += low;
    answer->route_count -= low;
    if (answer->route_count > page->limit)
        answer->route_count = page->limit;
}

void arci_answer_routes(struct arctic_agent *agent, struct arci_request *request,
                        const struct arci_entry *entry, const struct arci_route_page *page)
{
    struct answer *answer = make_answer(agent, request, entry, 200);
    if (!answer) {
        fail(request);
        return;
    }
    answer->list = true;
    cut(answer, page);
    if (answer->counted && agent->proxy)
        arci_proxy_each_route(agent->proxy, &entry->record.id, add_count, answer);
    arci_buffer_text(&answer->text, "{");
    write_or_queue(answer);
}
