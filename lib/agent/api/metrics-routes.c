/*
 * Families of routes: those that have carried something, and of these the busiest, so that what a scrape takes is bounded however
 * many routes there are.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/api/metrics.h"

#define ROUTES_MAX 1000

struct route {
    const struct arci_service *service;
    uint64_t id;
    struct arci_service_stats stats;
};

/* A heap with the least busy route first, to be replaced by a busier one. */
struct busiest {
    struct route *routes; /* ROUTES_MAX */
    size_t count;
    uint64_t seen;
    const struct arci_service *service; /* whose routes are being looked at */
};

static int compare_order(const struct route *a, const struct route *b)
{
    int order = strcmp(a->service->id.text, b->service->id.text);
    return order ? order : (a->id > b->id) - (a->id < b->id);
}

/* By payload, then by flows; where both are the same, always in the same order. */
static bool is_busier(const struct route *a, const struct route *b)
{
    uint64_t left = a->stats.bytes_up + a->stats.bytes_down;
    uint64_t right = b->stats.bytes_up + b->stats.bytes_down;
    if (left != right)
        return left > right;
    if (a->stats.flows_opened != b->stats.flows_opened)
        return a->stats.flows_opened > b->stats.flows_opened;
    return compare_order(a, b) < 0;
}

static void swap(struct route *a, struct route *b)
{
    struct route kept = *a;
    *a = *b;
    *b = kept;
}

static void sift_up(struct busiest *busiest, size_t index)
{
    struct route *routes = busiest->routes;
    for (size_t parent; index > 0 && is_busier(&routes[parent = (index - 1) / 2], &routes[index]);
         index = parent)
        swap(&routes[parent], &routes[index]);
}

static void sift_down(struct busiest *busiest)
{
    struct route *routes = busiest->routes;
    for (size_t index = 0, child; (child = 2 * index + 1) < busiest->count; index = child) {
        if (child + 1 < busiest->count && is_busier(&routes[child], &routes[child + 1]))
            child++;
        if (is_busier(&routes[child], &routes[index]))
            return;
        swap(&routes[child], &routes[index]);
    }
}

static void take(void *user, uint64_t route_id, const struct arci_service_stats *stats)
{
    struct busiest *busiest = user;
    const struct route route = {busiest->service, route_id, *stats};
    busiest->seen++;
    if (busiest->count == ROUTES_MAX && !is_busier(&route, &busiest->routes[0]))
        return;
    /* What a deleted route has counted may be there for some seconds more. */
    if (!arci_routes_find((struct arci_routes *)&busiest->service->routes, route_id)) {
        busiest->seen--;
        return;
    }
    if (busiest->count < ROUTES_MAX) {
        busiest->routes[busiest->count] = route;
        sift_up(busiest, busiest->count++);
        return;
    }
    busiest->routes[0] = route;
    sift_down(busiest);
}

static int compare_routes(const void *a, const void *b)
{
    return compare_order(a, b);
}

static void gather(struct arctic_agent *agent, struct busiest *busiest)
{
    const struct arci_entry *entry;
    size_t cursor = 0;
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_SERVICE, &cursor))) {
        if (!arctic_id_equal(&entry->content.service.source_peer_id, &agent->local_id))
            continue;
        busiest->service = &entry->content.service;
        arci_proxy_each_route(agent->proxy, &entry->record.id, take, busiest);
    }
    qsort(busiest->routes, busiest->count, sizeof *busiest->routes, compare_routes);
}

static void write_sample(const struct route *route, const char *name, const char *direction, uint64_t value,
                         struct arci_buffer *text)
{
    char id[24];
    snprintf(id, sizeof id, "%" PRIu64, route->id);
    const struct arci_metric_label labels[] = {{"service_id", route->service->id.text},
                                               {"service", route->service->name},
                                               {"route", id},
                                               {direction ? "direction" : NULL, direction},
                                               {NULL, NULL}};
    arci_metric_count(text, name, labels, value);
}

#define STATS(member) offsetof(struct arci_service_stats, member)

struct family {
    const char *name;
    const char *type;
    const char *help;
    size_t value;
    size_t down; /* of those with directions, whose other value is up; else 0 */
};

static uint64_t value_at(const struct route *route, size_t offset)
{
    uint64_t value;
    memcpy(&value, (const char *)&route->stats + offset, sizeof value);
    return value;
}

static void write_family(const struct busiest *busiest, const struct family *family, struct arci_buffer *text)
{
    arci_metric_family(text, family->name, family->type, family->help);
    for (size_t i = 0; i < busiest->count; i++) {
        const struct route *route = &busiest->routes[i];
        write_sample(route, family->name, family->down ? "up" : NULL, value_at(route, family->value), text);
        if (family->down)
            write_sample(route, family->name, "down", value_at(route, family->down), text);
    }
}

static void write_all(const struct busiest *busiest, struct arci_buffer *text)
{
    static const struct family families[] = {
        {"arctic_route_flows_opened_total", "counter", "Flows that the route has taken.", STATS(flows_opened),
         0},
        {"arctic_route_flows_open", "gauge", "Flows of the route that are open.", STATS(flows_open), 0},
        {"arctic_route_flows_failed_total", "counter", "Flows of the route that were refused, reset or lost.",
         STATS(flows_failed), 0},
        {"arctic_route_bytes_total", "counter", "Payload carried; up is from client to server.",
         STATS(bytes_up), STATS(bytes_down)},
        {"arctic_route_packets_total", "counter",
         "Segments of TCP on the clients' side; up is from client to server.", STATS(packets_up),
         STATS(packets_down)},
    };
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++)
        write_family(busiest, &families[i], text);
    arci_metric_family(text, "arctic_route_metrics_omitted", "gauge",
                       "Routes that have taken flows and are left out here: the 1000 busiest are shown.");
    arci_metric_count(text, "arctic_route_metrics_omitted", NULL, busiest->seen - busiest->count);
}

void arci_metrics_write_routes(struct arctic_agent *agent, struct arci_buffer *text)
{
    struct busiest busiest = {.routes = calloc(ROUTES_MAX, sizeof *busiest.routes)};
    if (!busiest.routes) {
        text->failed = true;
        return;
    }
    if (agent->proxy)
        gather(agent, &busiest);
    write_all(&busiest, text);
    free(busiest.routes);
}
