/* Asking who answers at an address, on a detached thread. */
#include "agent/peers/look-up.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <arctic/client.h>

#include "base/address.h"
#include "base/base64.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"

#define IDENTITY_TIMEOUT_MS 5000

/* The thread's memory. It is freed by whoever comes last: the loop where the answer was wanted, else the thread. */
struct job {
    pthread_mutex_t lock;
    struct arci_look_up *asker; /* NULL when nobody wants the answer any more */
    bool ended;
    char address[ARCI_PEER_ADDRESS_SIZE];
    uint32_t socket_mark;
    struct arci_looked_up found;
};

struct arci_look_up {
    uv_async_t answered;
    struct job *job;
    arci_look_up_done done;
    void *context;
};

static int resolve(struct arci_looked_up *found, const char *host, uint16_t port, struct arctic_error *error)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *list = NULL;
    int result = getaddrinfo(host, NULL, &hints, &list);
    if (result != 0)
        return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, "address", "cannot resolve %s: %s", host,
                         gai_strerror(result));
    for (struct addrinfo *item = list; item && found->endpoint_count < ARCI_PEER_ENDPOINTS_MAX;
         item = item->ai_next) {
        struct arctic_endpoint endpoint = arci_endpoint_from_sockaddr(item->ai_addr);
        endpoint.port = port;
        if (endpoint.address.family != ARCTIC_FAMILY_NONE)
            found->endpoints[found->endpoint_count++] = endpoint;
    }
    freeaddrinfo(list);
    if (found->endpoint_count == 0)
        return arci_fail(error, ARCTIC_E_PEER_UNREACHABLE, "address", "%s has no IP address", host);
    return ARCTIC_OK;
}

static int read_members(const json_t *object, struct arci_looked_up *found, uint16_t *ret_tunnel_port,
                        struct arctic_error *error)
{
    const char *id = NULL;
    const char *key = NULL;
    int64_t port = 0;
    int code = arci_json_text(object, "peer_id", true, &id, error);
    if (code >= 0)
        code = arctic_id_parse(ARCTIC_ID_PEER, id, &found->peer_id, error);
    if (code >= 0)
        code = arci_json_text(object, "public_key", true, &key, error);
    if (code >= 0 && !arci_base64_decode_exact(key, found->public_key, sizeof found->public_key))
        code = arci_fail(error, ARCTIC_E_HANDSHAKE_FAILED, NULL, "its public key is not 32 bytes");
    if (code >= 0)
        code = arci_json_integer(object, "tunnel_port", true, 1, 65535, &port, error);
    if (code >= 0)
        *ret_tunnel_port = (uint16_t)port;
    return code;
}

static int read_identity(struct job *job, const char *text, uint16_t *ret_tunnel_port,
                         struct arctic_error *error)
{
    json_t *parsed = NULL;
    int code = arci_json_parse(text, strlen(text), &parsed, error);
    ARCI_JSON *object = parsed;
    if (code >= 0)
        code = read_members(object, &job->found, ret_tunnel_port, error);
    if (code < 0)
        return arci_fail_within(error, ARCTIC_E_HANDSHAKE_FAILED, "%s does not answer as an Arctic agent",
                                job->address);
    return ARCTIC_OK;
}

static int explain_failure(const struct job *job, int code, struct arctic_error *error)
{
    switch (code) {
    case ARCTIC_E_NO_MEMORY:
        return code;
    case ARCTIC_E_NOT_BOOTSTRAPPED:
        return arci_fail(
            error, ARCTIC_E_PEER_UNREACHABLE, "address",
            "the agent at %s is not bootstrapped: give it a licence of this cluster's customer with "
            "arctic bootstrap --url URL --license-file FILE, then add it again",
            job->address);
    case ARCTIC_E_UNREACHABLE:
    case ARCTIC_E_TIMEOUT:
    case ARCTIC_E_PROTOCOL:
    case ARCTIC_E_LIMIT:
        /* The message names the address already. */
        error->code = ARCTIC_E_PEER_UNREACHABLE;
        return arci_fail_at(error, ARCTIC_E_PEER_UNREACHABLE, "address");
    default:
        return arci_fail_within(error, ARCTIC_E_HANDSHAKE_FAILED, "%s does not answer as an Arctic agent",
                                job->address);
    }
}

static int ask_identity(struct job *job, uint16_t *ret_tunnel_port, struct arctic_error *error)
{
    char url[ARCI_PEER_ADDRESS_SIZE + 8];
    const char *const urls[] = {url, NULL};
    struct arctic_client *client = NULL;
    char *text = NULL;
    snprintf(url, sizeof url, "http://%s", job->address);
    const struct arctic_client_options options = {
        .size = sizeof options,
        .endpoints = urls,
        .timeout_ms = IDENTITY_TIMEOUT_MS,
        .socket_mark = job->socket_mark,
    };
    int code = arctic_client_create(&options, &client, error);
    if (code >= 0)
        code = arctic_client_request(client, "GET", "/v1/cluster/identity", NULL, NULL, &text, error);
    arctic_client_free(client);
    if (code < 0)
        return explain_failure(job, code, error);
    code = read_identity(job, text, ret_tunnel_port, error);
    arctic_client_free_text(text);
    return code;
}

static int find_out(struct job *job, struct arctic_error *error)
{
    char host[ARCI_PEER_ADDRESS_SIZE];
    uint16_t api_port = 0;
    uint16_t tunnel_port = 0;
    if (!arci_host_port_split(job->address, host, sizeof host, &api_port))
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, "address", "'%s' is not host:port", job->address);
    int code = ask_identity(job, &tunnel_port, error);
    return code < 0 ? code : resolve(&job->found, host, tunnel_port, error);
}

static void free_job(struct job *job)
{
    pthread_mutex_destroy(&job->lock);
    free(job);
}

static void *run(void *context)
{
    struct job *job = context;
    job->found.code = find_out(job, &job->found.error);
    pthread_mutex_lock(&job->lock);
    bool wanted = job->asker;
    job->ended = true;
    if (wanted)
        uv_async_send(&job->asker->answered);
    pthread_mutex_unlock(&job->lock);
    if (!wanted)
        free_job(job);
    return NULL;
}

/* The process's signals are not this thread's to take. */
static int start_thread(struct job *job)
{
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t all;
    sigset_t former;
    int result = pthread_attr_init(&attributes);
    if (result != 0)
        return result;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &former);
    result = pthread_create(&thread, &attributes, run, job);
    pthread_sigmask(SIG_SETMASK, &former, NULL);
    pthread_attr_destroy(&attributes);
    return result;
}

static void free_look_up(uv_handle_t *handle)
{
    free(handle->data);
}

/* Gives the job up to its thread; frees it where that has ended. */
static void leave_job(struct job *job)
{
    pthread_mutex_lock(&job->lock);
    bool ended = job->ended;
    job->asker = NULL;
    pthread_mutex_unlock(&job->lock);
    if (ended)
        free_job(job);
}

void arci_look_up_cancel(struct arci_look_up *look_up)
{
    if (!look_up)
        return;
    leave_job(look_up->job);
    uv_close((uv_handle_t *)&look_up->answered, free_look_up);
}

static void on_answered(uv_async_t *answered)
{
    struct arci_look_up *look_up = answered->data;
    const struct arci_looked_up found = look_up->job->found;
    arci_look_up_done done = look_up->done;
    void *context = look_up->context;
    arci_look_up_cancel(look_up);
    done(context, &found);
}

static struct job *make_job(const char *address, uint32_t socket_mark)
{
    struct job *job = calloc(1, sizeof *job);
    if (!job)
        return NULL;
    snprintf(job->address, sizeof job->address, "%s", address);
    job->socket_mark = socket_mark;
    if (pthread_mutex_init(&job->lock, NULL) == 0)
        return job;
    free(job);
    return NULL;
}

int arci_look_up_start(uv_loop_t *loop, const char *address, uint32_t socket_mark, arci_look_up_done done,
                       void *context, struct arci_look_up **ret_look_up, struct arctic_error *error)
{
    ARCI_FREE struct arci_look_up *look_up = calloc(1, sizeof *look_up);
    struct job *job = look_up ? make_job(address, socket_mark) : NULL;
    if (!job)
        return arci_fail_memory(error);
    int result = uv_async_init(loop, &look_up->answered, on_answered);
    if (result < 0) {
        free_job(job);
        return arci_fail_errnum(error, -result, "cannot wait for the look-up of %s", address);
    }
    look_up->answered.data = look_up;
    look_up->job = job;
    look_up->done = done;
    look_up->context = context;
    job->asker = look_up;
    result = start_thread(job);
    if (result != 0) {
        job->ended = true;
        arci_look_up_cancel(arci_steal(look_up));
        return arci_fail_errnum(error, result, "cannot start a thread for the look-up of %s", address);
    }
    *ret_look_up = arci_steal(look_up);
    return ARCTIC_OK;
}
