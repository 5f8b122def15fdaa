/* Families of services: those whose entry is here, and those whose exit is. */
#include <stdlib.h>
#include <string.h>

#include "agent/api/metrics.h"
#include "agent/peers/target-watch.h"
#include "agent/services/reconcile.h"

struct row {
    const struct arci_service *service;
    bool entry; /* this host is its source, else its target */
    bool counted;
    enum arci_service_state state; /* of an entry */
    struct arci_service_stats stats;
    uint64_t captured;  /* of an entry */
    uint64_t failovers; /* of an entry */
};

struct rows {
    struct row *items;
    size_t count;
};

static uint64_t captured(const struct arctic_id *id, const struct arci_kernel_counter *counters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (arctic_id_equal(&counters[i].service, id))
            return counters[i].packets;
    }
    return 0;
}

static void add_row(struct arctic_agent *agent, const struct arci_service *service,
                    const struct arci_kernel_counter *counters, size_t count, struct rows *rows)
{
    struct row row = {.service = service,
                      .entry = arctic_id_equal(&service->source_peer_id, &agent->local_id)};
    struct arci_service_live live;
    if (!row.entry && !arctic_id_equal(&service->target_peer_id, &agent->local_id))
        return;
    arci_reconcile_live(agent, service, &live);
    row.state = live.state;
    row.captured = captured(&service->id, counters, count);
    const struct arci_agent_peer *target = arci_peers_find(agent, &service->target_peer_id);
    row.failovers = target ? arci_target_watch_failures(target) : 0;
    row.counted = agent->proxy && arci_proxy_service_stats(agent->proxy, &service->id, &row.stats);
    rows->items[rows->count++] = row;
}

static bool gather(struct arctic_agent *agent, const struct arci_kernel_counter *counters, size_t count,
                   struct rows *rows)
{
    const struct arci_entry *entry;
    size_t cursor = 0;
    rows->items = calloc(arci_registry_count(agent->registry, ARCI_RECORD_SERVICE) + 1, sizeof *rows->items);
    if (!rows->items)
        return false;
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_SERVICE, &cursor)))
        add_row(agent, &entry->content.service, counters, count, rows);
    return true;
}

static void write_states(const struct rows *rows, struct arci_buffer *text)
{
    arci_metric_family(text, "arctic_services", "gauge", "Services that begin at this agent, by state.");
    for (int state = ARCI_SERVICE_PENDING; state <= ARCI_SERVICE_ERROR; state++) {
        const char *name = arci_service_state_name((enum arci_service_state)state);
        const struct arci_metric_label labels[] = {{"state", name}, {NULL, NULL}};
        uint64_t count = 0;
        for (size_t i = 0; i < rows->count; i++)
            count += rows->items[i].entry && (int)rows->items[i].state == state;
        arci_metric_count(text, "arctic_services", labels, count);
    }
}

enum value {
    VALUE_ACTIVE,
    VALUE_ROUTES,
    VALUE_FAILOVERS,
    VALUE_CAPTURED,
    VALUE_OPENED,
    VALUE_OPEN,
    VALUE_FAILED,
    VALUE_REFUSED,
    VALUE_UP,
    VALUE_DOWN,
    VALUE_PACKETS_UP,
    VALUE_PACKETS_DOWN,
};

static uint64_t value_of(const struct row *row, enum value value)
{
    switch (value) {
    case VALUE_ACTIVE:
        return row->state == ARCI_SERVICE_ACTIVE;
    case VALUE_ROUTES:
        return row->service->routes.count;
    case VALUE_FAILOVERS:
        return row->failovers;
    case VALUE_CAPTURED:
        return row->captured;
    case VALUE_OPENED:
        return row->stats.flows_opened;
    case VALUE_OPEN:
        return row->stats.flows_open;
    case VALUE_FAILED:
        return row->stats.flows_failed;
    case VALUE_REFUSED:
        return row->stats.flows_refused;
    case VALUE_UP:
        return row->stats.bytes_up;
    case VALUE_DOWN:
        return row->stats.bytes_down;
    case VALUE_PACKETS_UP:
        return row->stats.packets_up;
    case VALUE_PACKETS_DOWN:
        return row->stats.packets_down;
    }
    return 0;
}

/* NULL where there is none. */
static const char *direction_of(enum value value)
{
    if (value == VALUE_UP || value == VALUE_PACKETS_UP)
        return "up";
    return value == VALUE_DOWN || value == VALUE_PACKETS_DOWN ? "down" : NULL;
}

static void write_sample(const struct row *row, const char *name, enum value value, struct arci_buffer *text)
{
    const char *direction = direction_of(value);
    const struct arci_metric_label labels[] = {{"service_id", row->service->id.text},
                                               {"service", row->service->name},
                                               {"role", row->entry ? "entry" : "exit"},
                                               {direction ? "direction" : NULL, direction},
                                               {NULL, NULL}};
    arci_metric_count(text, name, labels, value_of(row, value));
}

/* State and kernel counters are an entry's alone; a service without a block of counters has carried nothing yet. */
static void write_values(const struct rows *rows, const char *name, enum value value,
                         struct arci_buffer *text)
{
    for (size_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->items[i];
        if (value <= VALUE_CAPTURED ? row->entry : row->counted)
            write_sample(row, name, value, text);
    }
}

static void write_all(const struct rows *rows, struct arci_buffer *text)
{
    static const struct {
        const char *name;
        const char *type;
        const char *help;
        enum value value;
    } families[] = {
        {"arctic_service_active", "gauge", "Whether the service is active.", VALUE_ACTIVE},
        {"arctic_service_routes", "gauge", "Routes of the service.", VALUE_ROUTES},
        {"arctic_service_failovers_total", "counter",
         "How often its routes stepped aside, or refused, because the target peer did not answer; begins "
         "anew with "
         "the first service towards that peer.",
         VALUE_FAILOVERS},
        {"arctic_service_captured_connections_total", "counter",
         "Connections that the kernel gave to the service; begins anew with the nft table.", VALUE_CAPTURED},
        {"arctic_service_flows_opened_total", "counter", "Flows taken.", VALUE_OPENED},
        {"arctic_service_flows_open", "gauge", "Flows that are open.", VALUE_OPEN},
        {"arctic_service_flows_failed_total", "counter", "Flows that were refused, reset or lost.",
         VALUE_FAILED},
        {"arctic_service_flows_refused_total", "counter",
         "Those of the failed flows that never reached their destination.", VALUE_REFUSED},
    };
    write_states(rows, text);
    for (size_t i = 0; i < sizeof families / sizeof families[0]; i++) {
        arci_metric_family(text, families[i].name, families[i].type, families[i].help);
        write_values(rows, families[i].name, families[i].value, text);
    }
    arci_metric_family(text, "arctic_service_bytes_total", "counter",
                       "Payload carried; up is from client to server.");
    write_values(rows, "arctic_service_bytes_total", VALUE_UP, text);
    write_values(rows, "arctic_service_bytes_total", VALUE_DOWN, text);
    arci_metric_family(
        text, "arctic_service_packets_total", "counter",
        "Segments of TCP, at the entry on the clients' side, at the exit on the servers'; up is "
        "from client to server.");
    write_values(rows, "arctic_service_packets_total", VALUE_PACKETS_UP, text);
    write_values(rows, "arctic_service_packets_total", VALUE_PACKETS_DOWN, text);
}

void arci_metrics_write_services(struct arctic_agent *agent, const struct arci_kernel_counter *counters,
                                 size_t count, struct arci_buffer *text)
{
    struct rows rows = {0};
    if (gather(agent, counters, count, &rows))
        write_all(&rows, text);
    else
        text->failed = true;
    free(rows.items);
}
