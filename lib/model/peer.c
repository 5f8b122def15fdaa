/* Peers: their forms in the API, in signed records and in this host's own notes. */
#include "model/peer.h"

#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/base64.h"
#include "base/error.h"
#include "base/json.h"
#include "model/members.h"

const char *arci_peer_state_name(enum arci_peer_state state)
{
    static const char *const names[] = {"discovered", "connected", "unreachable", "revoked"};
    return names[state];
}

static bool put_key(json_t *object, const uint8_t key[ARCI_PEER_KEY_SIZE])
{
    char text[ARCI_BASE64_TEXT(ARCI_PEER_KEY_SIZE)];
    return arci_put_text(object, "public_key", arci_base64_encode(key, ARCI_PEER_KEY_SIZE, text));
}

static bool put_endpoints(json_t *object, const struct arci_peer_live *live)
{
    ARCI_JSON *array = json_array();
    for (size_t i = 0; array && i < live->endpoint_count; i++) {
        char text[ARCTIC_ENDPOINT_TEXT];
        if (json_array_append_new(array, json_string(arctic_endpoint_format(&live->endpoints[i], text))) < 0)
            return false;
    }
    return json_object_set_new(object, "endpoints", arci_steal(array)) == 0;
}

static const char *tunnel_state(const struct arci_peer_live *live)
{
    if (live->is_local)
        return "none";
    return live->state == ARCI_PEER_CONNECTED ? "up" : "down";
}

static bool put_live(json_t *object, const struct arci_peer_live *live)
{
    return arci_put_milliseconds(object, "rtt_ms", live->rtt_us) &&
           arci_put_boolean(object, "is_local", live->is_local) &&
           arci_put_text(object, "state", arci_peer_state_name(live->state)) &&
           arci_put_text(object, "address", live->address) && put_endpoints(object, live) &&
           arci_put_time(object, "last_seen_at", live->last_seen_at) &&
           json_object_set_new(object, "tunnel", json_pack("{s:s}", "state", tunnel_state(live))) == 0;
}

static bool put_api(json_t *object, const struct arci_peer *peer)
{
    json_t *port = peer->api_tls_port ? json_integer(peer->api_tls_port) : json_null();
    return json_object_set_new(object, "api_tls_port", port) == 0 &&
           arci_put_text(object, "api_fingerprint", peer->api_fingerprint);
}

json_t *arci_peer_to_json(const struct arci_peer *peer, const struct arci_peer_live *live)
{
    ARCI_JSON *object = json_object();
    if (!object || !arci_put_text(object, "id", peer->id.text) ||
        !arci_put_text(object, "name", peer->name) ||
        !arci_put_text(object, "description", peer->description) || !put_key(object, peer->public_key) ||
        !put_api(object, peer) || !arci_put_text(object, "version", peer->version) ||
        !arci_put_boolean(object, "qos_enabled", peer->qos_enabled) || !put_live(object, live) ||
        !arci_put_time(object, "created_at", peer->created_at) ||
        !arci_put_time(object, "updated_at", peer->updated_at))
        return NULL;
    return arci_steal(object);
}

static bool put_addresses(json_t *object, const struct arci_peer *peer)
{
    ARCI_JSON *array = json_array();
    for (size_t i = 0; array && i < peer->address_count; i++) {
        char text[ARCTIC_ADDRESS_TEXT];
        if (json_array_append_new(array, json_string(arctic_address_format(&peer->addresses[i], text))) < 0)
            return false;
    }
    return json_object_set_new(object, "addresses", arci_steal(array)) == 0;
}

static bool put_cluster(json_t *object, const struct arci_cluster_identity *cluster)
{
    ARCI_JSON *former = json_array();
    for (size_t i = 0; former && i < cluster->former_count; i++) {
        if (json_array_append_new(former, json_string(cluster->former[i].text)) < 0)
            return false;
    }
    return arci_put_text(object, "cluster_id", cluster->id.text) &&
           json_object_set_new(object, "former_cluster_ids", arci_steal(former)) == 0;
}

static bool put_borrowed(json_t *object, const char *name, const json_t *value)
{
    return !value || json_object_set(object, name, (json_t *)value) == 0;
}

json_t *arci_peer_to_record(const struct arci_peer *peer)
{
    ARCI_JSON *object = json_object();
    if (!object || !arci_put_text(object, "id", peer->id.text) ||
        !arci_put_text(object, "name", peer->name) ||
        !arci_put_text(object, "description", peer->description) || !put_key(object, peer->public_key) ||
        !arci_put_integer(object, "api_port", peer->api_port) || !put_api(object, peer) ||
        !arci_put_integer(object, "tunnel_port", peer->tunnel_port) ||
        !arci_put_integer(object, "iptunnel_port", peer->iptunnel_port) || !put_addresses(object, peer) ||
        !put_cluster(object, &peer->cluster) || !arci_put_text(object, "instance", peer->instance) ||
        !put_borrowed(object, "license", peer->license) ||
        !put_borrowed(object, "admission", peer->admission) ||
        !arci_put_text(object, "version", peer->version) ||
        !arci_put_boolean(object, "qos_enabled", peer->qos_enabled) ||
        !arci_put_time(object, "created_at", peer->created_at) ||
        !arci_put_time(object, "updated_at", peer->updated_at))
        return NULL;
    return arci_steal(object);
}

static int read_key(const json_t *object, uint8_t ret_key[ARCI_PEER_KEY_SIZE], struct arctic_error *error)
{
    const char *text = NULL;
    int code = arci_json_text(object, "public_key", true, &text, error);
    if (code < 0)
        return code;
    if (!arci_base64_decode_exact(text, ret_key, ARCI_PEER_KEY_SIZE))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "public_key",
                         "'public_key' must be an Ed25519 key of 32 bytes in base64url without padding");
    return ARCTIC_OK;
}

static int read_port(const json_t *object, const char *name, bool required, uint16_t *ret_port,
                     struct arctic_error *error)
{
    int64_t port = 0;
    int code = arci_json_integer(object, name, required, 0, UINT16_MAX, &port, error);
    if (code < 0)
        return code;
    *ret_port = (uint16_t)port;
    return ARCTIC_OK;
}

/* Null clears. */
static int read_description(const json_t *object, char *ret_description, struct arctic_error *error)
{
    const char *text = json_is_null(json_object_get(object, "description")) ? "" : NULL;
    int code = arci_json_text(object, "description", false, &text, error);
    if (code < 0 || !text)
        return code;
    code = arci_description_validate(text, "description", error);
    if (code < 0)
        return code;
    snprintf(ret_description, ARCI_DESCRIPTION_SIZE, "%s", text);
    return ARCTIC_OK;
}

static int read_ports(const json_t *object, struct arci_peer *peer, struct arctic_error *error)
{
    int code = read_port(object, "api_port", true, &peer->api_port, error);
    if (code == ARCTIC_OK)
        code = read_port(object, "tunnel_port", true, &peer->tunnel_port, error);
    return code < 0 ? code : read_port(object, "iptunnel_port", true, &peer->iptunnel_port, error);
}

static bool is_fingerprint(const char *text)
{
    static const char prefix[] = "sha256:";
    size_t length = strlen(prefix);
    return strncmp(text, prefix, length) == 0 && strlen(text) == length + 64 &&
           strspn(text + length, "0123456789abcdef") == 64;
}

/* Peers of before the API over TLS say nothing of it. */
static int read_api(const json_t *object, struct arci_peer *peer, struct arctic_error *error)
{
    const char *text = NULL;
    int code = ARCTIC_OK;
    if (!json_is_null(json_object_get(object, "api_tls_port")))
        code = read_port(object, "api_tls_port", false, &peer->api_tls_port, error);
    if (code == ARCTIC_OK && !json_is_null(json_object_get(object, "api_fingerprint")))
        code = arci_json_text(object, "api_fingerprint", false, &text, error);
    if (code < 0 || !text)
        return code;
    if (!is_fingerprint(text))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "api_fingerprint",
                         "'api_fingerprint' must be sha256: and 64 hex digits");
    snprintf(peer->api_fingerprint, sizeof peer->api_fingerprint, "%s", text);
    return ARCTIC_OK;
}

/* The version is shown to operators, so it follows the rule of names for what may be printed. */
static int read_version(const json_t *object, struct arci_peer *peer, struct arctic_error *error)
{
    int code = arci_json_copy_text(object, "version", false, peer->version, sizeof peer->version, error);
    return code < 0 ? code : arci_description_validate(peer->version, "version", error);
}

static int read_addresses(const json_t *object, struct arci_peer *peer, struct arctic_error *error)
{
    const json_t *array = NULL;
    int code = arci_json_array(object, "addresses", false, &array, error);
    size_t count = json_array_size(array);
    if (code < 0)
        return code;
    if (count > ARCI_PEER_ENDPOINTS_MAX)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "addresses",
                         "'addresses' holds %zu addresses, %d are allowed", count, ARCI_PEER_ENDPOINTS_MAX);
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(array, i));
        if (!text || !arci_address_read(text, &peer->addresses[i]))
            return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "addresses",
                             "'addresses' must be IPv4 or IPv6 addresses");
    }
    peer->address_count = count;
    return ARCTIC_OK;
}

static int read_former(const json_t *object, struct arci_cluster_identity *cluster,
                       struct arctic_error *error)
{
    const json_t *array = NULL;
    int code = arci_json_array(object, "former_cluster_ids", false, &array, error);
    size_t count = json_array_size(array);
    if (code < 0)
        return code;
    if (count > ARCI_CLUSTER_FORMER_MAX)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "former_cluster_ids",
                         "'former_cluster_ids' holds %zu ids, %d are allowed", count,
                         ARCI_CLUSTER_FORMER_MAX);
    for (size_t i = 0; i < count; i++) {
        code = arctic_id_parse(ARCTIC_ID_CLUSTER, json_string_value(json_array_get(array, i)),
                               &cluster->former[i], error);
        if (code < 0)
            return arci_fail_at(error, code, "former_cluster_ids");
    }
    cluster->former_count = count;
    return ARCTIC_OK;
}

static int read_cluster(const json_t *object, struct arci_cluster_identity *cluster,
                        struct arctic_error *error)
{
    int code = arci_read_id(object, "cluster_id", false, ARCTIC_ID_CLUSTER, &cluster->id, error);
    return code < 0 ? code : read_former(object, cluster, error);
}

static int read_run(const json_t *object, struct arci_peer *peer, struct arctic_error *error)
{
    int code = arci_json_copy_text(object, "instance", false, peer->instance, sizeof peer->instance, error);
    if (code == ARCTIC_OK)
        code = arci_json_object(object, "license", false, &peer->license, error);
    return code < 0 ? code : arci_json_object(object, "admission", false, &peer->admission, error);
}

int arci_peer_from_record(const json_t *object, struct arci_peer *ret_peer, struct arctic_error *error)
{
    struct arci_peer peer = {0};
    int code = arci_read_id(object, "id", true, ARCTIC_ID_PEER, &peer.id, error);
    if (code == ARCTIC_OK)
        code = arci_read_name(object, true, peer.name, error);
    if (code == ARCTIC_OK)
        code = read_description(object, peer.description, error);
    if (code == ARCTIC_OK)
        code = read_key(object, peer.public_key, error);
    if (code == ARCTIC_OK)
        code = read_ports(object, &peer, error);
    if (code == ARCTIC_OK)
        code = read_addresses(object, &peer, error);
    if (code == ARCTIC_OK)
        code = read_cluster(object, &peer.cluster, error);
    if (code == ARCTIC_OK)
        code = read_run(object, &peer, error);
    if (code == ARCTIC_OK)
        code = read_api(object, &peer, error);
    if (code == ARCTIC_OK)
        code = read_version(object, &peer, error);
    if (code == ARCTIC_OK)
        code = arci_json_boolean(object, "qos_enabled", true, &peer.qos_enabled, error);
    if (code == ARCTIC_OK)
        code = arci_read_time(object, "created_at", true, &peer.created_at, error);
    if (code == ARCTIC_OK)
        code = arci_read_time(object, "updated_at", true, &peer.updated_at, error);
    if (code < 0)
        return code;
    *ret_peer = peer;
    return ARCTIC_OK;
}

json_t *arci_peer_live_to_record(const struct arci_peer_live *live)
{
    ARCI_JSON *object = json_object();
    if (!object || !arci_put_text(object, "address", live->address) || !put_endpoints(object, live) ||
        !arci_put_time(object, "last_seen_at", live->last_seen_at))
        return NULL;
    return arci_steal(object);
}

static int read_endpoints(const json_t *object, struct arci_peer_live *live, struct arctic_error *error)
{
    const json_t *array = NULL;
    int code = arci_json_array(object, "endpoints", true, &array, error);
    if (code < 0)
        return code;
    size_t count = json_array_size(array);
    if (count > ARCI_PEER_ENDPOINTS_MAX)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "endpoints",
                         "'endpoints' holds %zu addresses, %d are allowed", count, ARCI_PEER_ENDPOINTS_MAX);
    for (size_t i = 0; i < count; i++) {
        code = arctic_endpoint_parse(json_string_value(json_array_get(array, i)), &live->endpoints[i], error);
        if (code < 0)
            return arci_fail_at(error, code, "endpoints");
    }
    live->endpoint_count = count;
    return ARCTIC_OK;
}

/* A bracketed host is IPv6; one without brackets is IPv4 or a name of letters, digits, '-', '_' and dots (RFC
 * 1123). */
static bool valid_host(const char *host, bool bracketed)
{
    struct arctic_address address;
    if (bracketed)
        return arci_address_read(host, &address) && address.family == ARCTIC_FAMILY_IPV6;
    size_t length = strlen(host);
    size_t fine = strspn(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.");
    return length <= 253 && fine == length && host[0] != '-' && host[0] != '.' && !strstr(host, "..");
}

static int read_address(const json_t *object, bool required, char *ret_address, struct arctic_error *error)
{
    const char *text = NULL;
    char host[256];
    uint16_t port;
    int code = arci_json_text(object, "address", required, &text, error);
    if (code < 0 || !text)
        return code;
    if (!arci_host_port_split(text, host, sizeof host, &port) || !valid_host(host, text[0] == '['))
        return arci_fail(
            error, ARCTIC_E_INVALID_REQUEST, "address",
            "'%.80s' is no address such as 192.0.2.1:8080, [2001:db8::1]:8080 or host.example:8080", text);
    snprintf(ret_address, ARCI_PEER_ADDRESS_SIZE, "%s", text);
    return ARCTIC_OK;
}

int arci_peer_live_from_record(const json_t *object, struct arci_peer_live *ret_live,
                               struct arctic_error *error)
{
    struct arci_peer_live live = {.state = ARCI_PEER_DISCOVERED, .rtt_us = -1};
    int code = read_address(object, false, live.address, error);
    if (code == ARCTIC_OK)
        code = read_endpoints(object, &live, error);
    if (code == ARCTIC_OK)
        code = arci_read_time(object, "last_seen_at", false, &live.last_seen_at, error);
    if (code < 0)
        return code;
    *ret_live = live;
    return ARCTIC_OK;
}

int arci_peer_request_from_json(const json_t *object, struct arci_peer_request *ret_request,
                                struct arctic_error *error)
{
    static const char *const members[] = {"address", "name", NULL};
    struct arci_peer_request request = {0};
    int code = arci_json_check_members(object, members, error);
    if (code == ARCTIC_OK)
        code = read_address(object, true, request.address, error);
    if (code == ARCTIC_OK)
        code = arci_read_name(object, false, request.name, error);
    if (code < 0)
        return code;
    *ret_request = request;
    return ARCTIC_OK;
}

int arci_peer_update_from_json(const json_t *object, struct arci_peer *peer, struct arctic_error *error)
{
    static const char *const members[] = {"name", "description", NULL};
    static const char *const clearable[] = {"description", NULL};
    struct arci_peer changed = *peer;
    int code = arci_json_check_members(object, members, error);
    if (code == ARCTIC_OK)
        code = arci_refuse_null(object, clearable, error);
    if (code == ARCTIC_OK)
        code = arci_read_name(object, false, changed.name, error);
    if (code == ARCTIC_OK)
        code = read_description(object, changed.description, error);
    if (code < 0)
        return code;
    *peer = changed;
    return ARCTIC_OK;
}
