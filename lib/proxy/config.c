/* See config.h. */
#include "proxy/config.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"

static void unref_all(struct arci_counters **items, size_t count)
{
    for (size_t i = 0; items && i < count; i++)
        arci_counters_unref(items[i]);
    free(items);
}

/* Blocks for an array of rows that begin with their ids. */
static int take(struct arci_counter_registry *registry, const void *rows, size_t count, size_t size,
                struct arci_counters ***ret_items, struct arctic_error *error)
{
    struct arci_counters **items = calloc(count + 1, sizeof *items);
    if (!items)
        return arci_fail_memory(error);
    for (size_t i = 0; i < count; i++) {
        struct arci_counters *counters;
        const struct arctic_id *id = (const void *)((const char *)rows + i * size);
        int code = arci_counters_get(registry, id, &counters, error);
        if (code < 0) {
            unref_all(items, i);
            return code;
        }
        items[i] = arci_counters_ref(counters);
    }
    *ret_items = items;
    return ARCTIC_OK;
}

int arci_config_create(struct arci_snapshot *snapshot, struct arci_counter_registry *services,
                       struct arci_counter_registry *peers, struct arci_config **ret_config,
                       struct arctic_error *error)
{
    ARCI_CLEANUP(arci_config_cleanup) struct arci_config *config = calloc(1, sizeof *config);
    if (!config)
        return arci_fail_memory(error);
    atomic_init(&config->references, 1);
    config->snapshot = arci_snapshot_ref(snapshot);
    const struct arci_snapshot_entry *entries = arci_snapshot_entries(snapshot, &config->entry_count);
    const struct arci_snapshot_exit *exits = arci_snapshot_exits(snapshot, &config->exit_count);
    const struct arci_snapshot_peer *peer_rows = arci_snapshot_peers(snapshot, &config->peer_count);
    int code = take(services, entries, config->entry_count, sizeof *entries, &config->entries, error);
    if (code >= 0)
        code = take(services, exits, config->exit_count, sizeof *exits, &config->exits, error);
    if (code >= 0)
        code = take(peers, peer_rows, config->peer_count, sizeof *peer_rows, &config->peers, error);
    if (code >= 0)
        *ret_config = arci_steal(config);
    return code;
}

struct arci_config *arci_config_ref(struct arci_config *config)
{
    atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
    return config;
}

void arci_config_unref(struct arci_config *config)
{
    if (!config || atomic_fetch_sub_explicit(&config->references, 1, memory_order_acq_rel) != 1)
        return;
    unref_all(config->entries, config->entry_count);
    unref_all(config->exits, config->exit_count);
    unref_all(config->peers, config->peer_count);
    arci_snapshot_unref(config->snapshot);
    free(config);
}

static void mark_warm(const struct arci_config *config, struct arci_transport_peer *peers,
                      const size_t *positions)
{
    size_t count;
    const struct arci_snapshot_entry *entries = arci_snapshot_entries(config->snapshot, &count);
    for (size_t i = 0; i < count; i++) {
        if (positions[entries[i].peer] != SIZE_MAX)
            peers[positions[entries[i].peer]].warm = true;
    }
}

struct arci_transport_peer *arci_config_transport_peers(const struct arci_config *config, size_t worker,
                                                        size_t *ret_count)
{
    size_t count, connected = 0;
    const struct arci_snapshot_peer *rows = arci_snapshot_peers(config->snapshot, &count);
    struct arci_transport_peer *peers = calloc(count + 1, sizeof *peers);
    ARCI_FREE size_t *positions = calloc(count + 1, sizeof *positions);
    if (!peers || !positions) {
        free(peers);
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        positions[i] = rows[i].connected ? connected : SIZE_MAX;
        if (!rows[i].connected)
            continue;
        struct arci_transport_peer *peer = &peers[connected++];
        peer->id = rows[i].id;
        memcpy(peer->key, rows[i].key, sizeof peer->key);
        memcpy(peer->endpoints, rows[i].endpoints, sizeof peer->endpoints);
        peer->endpoint_count = rows[i].endpoint_count;
        peer->met_at = rows[i].met_at;
        peer->silent = rows[i].silent;
        peer->counters = &config->peers[i]->peers[worker].counters;
    }
    mark_warm(config, peers, positions);
    *ret_count = connected;
    return peers;
}
