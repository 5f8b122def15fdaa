/* See snapshot.h. The three arrays are kept in the order of ids (base/sorted.h). */
#include "proxy/snapshot.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/sorted.h"
#include "match/change.h"
#include "proxy/coverage.h"

#define CONNECT_MS_DEFAULT 10000

struct arci_snapshot {
    atomic_uint references;
    struct arci_snapshot_options options;
    struct arctic_route_table *routes;  /* of all entries */
    const struct arci_snapshot *former; /* while services are added: where `routes` came from; NULL: none */
    struct arci_snapshot_peer *peers;
    size_t peer_count;
    struct arci_snapshot_entry *entries;
    size_t entry_count;
    struct arci_snapshot_exit *exits;
    size_t exit_count;
};

static void *find(const void *rows, size_t count, size_t size, const struct arctic_id *id)
{
    bool found;
    size_t index = arci_sorted_place(rows, count, size, id, &found);
    return found ? (char *)rows + index * size : NULL;
}

static int fail_present(struct arctic_error *error, const struct arctic_id *id)
{
    return arci_fail(error, ARCTIC_E_ALREADY_EXISTS, NULL, "%s is in the snapshot already", id->text);
}

/* Makes room for a row at its place; its id is set, the rest is zero. */
static int insert_at(void **rows, size_t *count, size_t size, const struct arctic_id *id, size_t index,
                     void **ret_row, struct arctic_error *error)
{
    char *grown = realloc(*rows, (*count + 1) * size);
    if (!grown)
        return arci_fail_memory(error);
    *rows = grown;
    char *row = grown + index * size;
    memmove(row + size, row, (*count - index) * size);
    memset(row, 0, size);
    memcpy(row, id, sizeof *id);
    (*count)++;
    *ret_row = row;
    return ARCTIC_OK;
}

static int insert(void **rows, size_t *count, size_t size, const struct arctic_id *id, void **ret_row,
                  struct arctic_error *error)
{
    bool found;
    size_t index = arci_sorted_place(*rows, *count, size, id, &found);
    return found ? fail_present(error, id) : insert_at(rows, count, size, id, index, ret_row, error);
}

int arci_snapshot_create(const struct arci_snapshot_options *options, struct arci_snapshot **ret_snapshot,
                         struct arctic_error *error)
{
    struct arci_snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (!snapshot)
        return arci_fail_memory(error);
    atomic_init(&snapshot->references, 1);
    snapshot->options = *options;
    if (snapshot->options.connect_ms <= 0)
        snapshot->options.connect_ms = CONNECT_MS_DEFAULT;
    int code = arctic_route_table_create(&snapshot->routes, error);
    if (code < 0) {
        arci_snapshot_unref(snapshot);
        return code;
    }
    *ret_snapshot = snapshot;
    return ARCTIC_OK;
}

struct arci_snapshot *arci_snapshot_ref(struct arci_snapshot *snapshot)
{
    atomic_fetch_add_explicit(&snapshot->references, 1, memory_order_relaxed);
    return snapshot;
}

void arci_snapshot_unref(struct arci_snapshot *snapshot)
{
    if (!snapshot || atomic_fetch_sub_explicit(&snapshot->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < snapshot->exit_count; i++)
        arci_coverage_unref(snapshot->exits[i].coverage);
    arctic_route_table_free(snapshot->routes);
    free(snapshot->peers);
    free(snapshot->entries);
    free(snapshot->exits);
    free(snapshot);
}

int arci_snapshot_add_peer(struct arci_snapshot *snapshot, const struct arci_snapshot_peer *peer,
                           struct arctic_error *error)
{
    void *row = NULL;
    /* Services know their peer by its index. */
    assert(snapshot->entry_count == 0 && snapshot->exit_count == 0);
    int code = insert((void **)&snapshot->peers, &snapshot->peer_count, sizeof *peer, &peer->id, &row, error);
    if (code < 0)
        return code;
    memcpy(row, peer, sizeof *peer);
    return ARCTIC_OK;
}

static int find_peer(const struct arci_snapshot *snapshot, const struct arci_snapshot_service *service,
                     size_t *ret_index, struct arctic_error *error)
{
    const struct arci_snapshot_peer *peer = arci_snapshot_find_peer(snapshot, &service->peer_id);
    if (!peer)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL, "peer %s of service %s is not in the snapshot",
                         service->peer_id.text, service->id.text);
    *ret_index = (size_t)(peer - snapshot->peers);
    return ARCTIC_OK;
}

static struct arci_snapshot_origin origin_of(const struct arci_snapshot_service *service)
{
    struct arci_snapshot_origin origin = {.route_count = service->route_count};
    memcpy(origin.revision, service->revision, sizeof origin.revision);
    if (service->interface)
        memcpy(origin.interface, service->interface,
               strnlen(service->interface, sizeof origin.interface - 1));
    return origin;
}

static bool same_interface(const struct arci_snapshot_origin *a, const struct arci_snapshot_origin *b)
{
    return strcmp(a->interface, b->interface) == 0;
}

static bool same_origin(const struct arci_snapshot_origin *a, const struct arci_snapshot_origin *b)
{
    static const uint8_t unknown[ARCI_SNAPSHOT_REVISION];
    return memcmp(a->revision, unknown, sizeof unknown) != 0 &&
           memcmp(a->revision, b->revision, sizeof unknown) == 0 && a->route_count == b->route_count &&
           same_interface(a, b);
}

static int compare_services(const void *key, const void *item)
{
    const struct arctic_id *id = key;
    const struct arci_snapshot_service *service = item;
    return strcmp(id->text, service->id.text);
}

/* Also what has another interface now: that may be about to become another service's. */
static int drop_others(struct arci_snapshot *snapshot, const struct arci_snapshot_service *entries,
                       size_t count, struct arctic_error *error)
{
    int code = ARCTIC_OK;
    for (size_t i = 0; code >= 0 && i < snapshot->former->entry_count; i++) {
        const struct arci_snapshot_entry *entry = &snapshot->former->entries[i];
        const struct arci_snapshot_service *now =
            count ? bsearch(&entry->id, entries, count, sizeof *entries, compare_services) : NULL;
        struct arci_snapshot_origin origin = now ? origin_of(now) : (struct arci_snapshot_origin){0};
        if (!now || !same_interface(&origin, &entry->origin))
            code = arctic_route_table_remove_service(snapshot->routes, &entry->id, error);
    }
    return code;
}

int arci_snapshot_inherit(struct arci_snapshot *snapshot, const struct arci_snapshot *former,
                          const struct arci_snapshot_service *entries, size_t count,
                          struct arctic_error *error)
{
    struct arctic_route_table *routes = NULL;
    assert(!snapshot->former && snapshot->entry_count == 0 && snapshot->exit_count == 0);
    int code = arci_route_table_copy(former->routes, &routes, error);
    if (code < 0)
        return code;
    arctic_route_table_free(snapshot->routes);
    snapshot->routes = routes;
    snapshot->former = former;
    return drop_others(snapshot, entries, count, error);
}

int arci_snapshot_add_entry(struct arci_snapshot *snapshot, const struct arci_snapshot_service *service,
                            struct arctic_error *error)
{
    void *row = NULL;
    size_t peer = 0;
    int code = find_peer(snapshot, service, &peer, error);
    if (code >= 0)
        code = insert((void **)&snapshot->entries, &snapshot->entry_count, sizeof *snapshot->entries,
                      &service->id, &row, error);
    if (code < 0)
        return code;
    struct arci_snapshot_entry *entry = row;
    const struct arci_snapshot_entry *before =
        snapshot->former ? arci_snapshot_find_entry(snapshot->former, &service->id) : NULL;
    entry->peer = peer;
    entry->fully_transparent = service->fully_transparent;
    entry->origin = origin_of(service);
    if (before && same_origin(&before->origin, &entry->origin))
        return ARCTIC_OK;
    return arci_route_table_set_service(snapshot->routes, &service->id, service->interface, service->routes,
                                        service->route_count, error);
}

/* The coverage of a former snapshot's exit, or one that is made from it. */
static int cover(const struct arci_snapshot *snapshot, const struct arci_snapshot_service *service,
                 struct arci_snapshot_exit *exit, struct arctic_error *error)
{
    const struct arci_snapshot_exit *before =
        snapshot->former ? arci_snapshot_find_exit(snapshot->former, &service->id, &service->peer_id) : NULL;
    if (before && same_origin(&before->origin, &exit->origin)) {
        exit->coverage = arci_coverage_ref(before->coverage);
        return ARCTIC_OK;
    }
    return arci_coverage_create(&service->id, service->routes, service->route_count,
                                before ? before->coverage : NULL, &exit->coverage, error);
}

int arci_snapshot_add_exit(struct arci_snapshot *snapshot, const struct arci_snapshot_service *service,
                           struct arctic_error *error)
{
    void *row = NULL;
    bool ignored;
    size_t peer = 0;
    int code = find_peer(snapshot, service, &peer, error);
    if (code >= 0 && arci_snapshot_find_exit(snapshot, &service->id, &service->peer_id))
        code = fail_present(error, &service->id);
    size_t index = arci_sorted_place(snapshot->exits, snapshot->exit_count, sizeof *snapshot->exits,
                                     &service->id, &ignored);
    if (code >= 0)
        code = insert_at((void **)&snapshot->exits, &snapshot->exit_count, sizeof *snapshot->exits,
                         &service->id, index, &row, error);
    if (code < 0)
        return code;
    struct arci_snapshot_exit *exit = row;
    exit->peer = peer;
    exit->fully_transparent = service->fully_transparent;
    exit->has_interface = service->interface && service->interface[0] != '\0';
    exit->origin = origin_of(service);
    return cover(snapshot, service, exit, error);
}

const struct arci_snapshot_options *arci_snapshot_options(const struct arci_snapshot *snapshot)
{
    return &snapshot->options;
}

const struct arci_snapshot_peer *arci_snapshot_peers(const struct arci_snapshot *snapshot, size_t *ret_count)
{
    *ret_count = snapshot->peer_count;
    return snapshot->peers;
}

const struct arci_snapshot_entry *arci_snapshot_entries(const struct arci_snapshot *snapshot,
                                                        size_t *ret_count)
{
    *ret_count = snapshot->entry_count;
    return snapshot->entries;
}

const struct arci_snapshot_exit *arci_snapshot_exits(const struct arci_snapshot *snapshot, size_t *ret_count)
{
    *ret_count = snapshot->exit_count;
    return snapshot->exits;
}

const struct arci_snapshot_peer *arci_snapshot_find_peer(const struct arci_snapshot *snapshot,
                                                         const struct arctic_id *id)
{
    return find(snapshot->peers, snapshot->peer_count, sizeof *snapshot->peers, id);
}

const struct arci_snapshot_entry *arci_snapshot_find_entry(const struct arci_snapshot *snapshot,
                                                           const struct arctic_id *id)
{
    return find(snapshot->entries, snapshot->entry_count, sizeof *snapshot->entries, id);
}

const struct arci_snapshot_exit *arci_snapshot_find_exit(const struct arci_snapshot *snapshot,
                                                         const struct arctic_id *id,
                                                         const struct arctic_id *peer_id)
{
    bool found;
    size_t index =
        arci_sorted_place(snapshot->exits, snapshot->exit_count, sizeof *snapshot->exits, id, &found);
    for (; index < snapshot->exit_count && arctic_id_equal(&snapshot->exits[index].id, id); index++) {
        if (arctic_id_equal(&snapshot->peers[snapshot->exits[index].peer].id, peer_id))
            return &snapshot->exits[index];
    }
    return NULL;
}

bool arci_snapshot_is_peer(const struct arci_snapshot *snapshot, size_t except,
                           const struct arctic_address *address)
{
    for (size_t i = 0; i < snapshot->peer_count; i++) {
        const struct arci_snapshot_peer *peer = &snapshot->peers[i];
        if (i != except && arci_policy_is_loop(peer->endpoints, peer->endpoint_count, address))
            return true;
    }
    return false;
}

const struct arci_snapshot_entry *arci_snapshot_match(const struct arci_snapshot *snapshot,
                                                      const struct arctic_flow *flow, uint64_t *ret_route)
{
    struct arctic_match match;
    if (arctic_route_table_match(snapshot->routes, flow, &match, NULL) < 0)
        return NULL;
    *ret_route = match.route_id;
    return arci_snapshot_find_entry(snapshot, &match.service_id);
}

static bool covers(const struct arci_snapshot_exit *exit, const struct arci_stream_request *request)
{
    struct arctic_flow flow = {.source = request->client.address,
                               .destination = request->destination.address};
    return exit->has_interface || arci_coverage_matches(exit->coverage, &flow);
}

const struct arci_snapshot_exit *arci_snapshot_admit(const struct arci_snapshot *snapshot,
                                                     const struct arctic_id *peer_id,
                                                     const struct arci_stream_request *request,
                                                     const char **ret_why, bool *ret_may_change)
{
    *ret_may_change = false;
    const struct arci_snapshot_exit *exit = arci_snapshot_find_exit(snapshot, &request->service_id, peer_id);
    if (!exit && find(snapshot->exits, snapshot->exit_count, sizeof *snapshot->exits, &request->service_id)) {
        *ret_why = "the service belongs to another peer";
        return NULL;
    }
    if (exit && snapshot->peers[exit->peer].connected && covers(exit, request))
        return exit;
    *ret_may_change = true;
    if (!exit)
        *ret_why = "no such service ends here";
    else if (!snapshot->peers[exit->peer].connected)
        *ret_why = "the peer is not connected";
    else
        *ret_why = "no route of the service covers it";
    return NULL;
}
