/* The server from its options to its end. When it runs is drive.c's subject, what it does exchange.c's. */
#include "rest/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "rest/connection.h"
#include "rest/listener.h"
#include "rest/request.h"
#include "rest/tls-key.h"

uint64_t arci_http_server_answered(const struct arci_http_server *server, unsigned digit)
{
    return digit < ARCI_HTTP_CLASSES ? server->answered[digit] : 0;
}

struct arctic_endpoint arci_http_server_endpoint(const struct arci_http_server *server)
{
    return server->endpoint;
}

static void on_connection(void *context, struct MHD_Connection *handle, void **socket_context,
                          enum MHD_ConnectionNotificationCode event)
{
    struct arci_http_server *server = context;
    server->calls++;
    if (event == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (*socket_context)
            arci_http_connection_close(*socket_context);
        *socket_context = NULL;
        /* Where connections or descriptors had run out, libmicrohttpd listens again in its next run alone. */
        server->run_again = true;
        return;
    }
    *socket_context = arci_http_connection_open(server, handle);
    arci_http_server_watch_deadlines(server);
}

static void log_library(void *context, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void log_library(void *context, const char *format, va_list arguments)
{
    struct arci_http_server *server = context;
    char text[256];
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\r\n")] = '\0';
    arci_log_debug(server->options.log, "api", "http", ARCI_TEXT("text", text));
}

static void set_default(unsigned *value, unsigned by_default)
{
    if (*value == 0)
        *value = by_default;
}

static int check_options(struct arci_http_options *options, struct arctic_error *error)
{
    if (!options->loop || !options->endpoints)
        return arci_fail(error, ARCTIC_E_USAGE, NULL,
                         "the REST server needs a loop and a table of endpoints");
    for (const struct arci_http_endpoint *row = options->endpoints; row->method; row++) {
        if (row->scope && !options->authorize)
            return arci_fail(error, ARCTIC_E_USAGE, NULL,
                             "endpoint %s needs a scope, but nothing checks scopes", row->path);
    }
    if (!options->port_setting)
        options->port_setting = "port";
    set_default(&options->connection_limit, 512);
    set_default(&options->per_address_limit, 64);
    set_default(&options->loopback_limit, 64);
    set_default(&options->header_timeout, 10000);
    set_default(&options->body_timeout, 30000);
    set_default(&options->idle_timeout, 60000);
    set_default(&options->send_timeout, 60000);
    set_default(&options->send_rate, 65536);
    return arci_routing_check(options->endpoints, error);
}

/* What was cut counts for the library until it has run again. */
#define SPARE_CONNECTIONS 64

/* TLS 1.3 alone, by the ciphers that all who speak it have (RFC 8446 section 9.1). */
#define TLS_PRIORITIES "NORMAL:-VERS-ALL:+VERS-TLS1.3:-AES-128-CCM:-AES-256-CCM"

static struct MHD_Daemon *start_daemon(struct arci_http_server *server, int listener)
{
    const struct arci_http_options *options = &server->options;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (server->endpoint.address.family == ARCTIC_FAMILY_IPV6)
        flags |= MHD_USE_IPv6;
    const struct MHD_OptionItem plain[] = {{MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)arci_tls_key_for_handshake},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)TLS_PRIORITIES},
        {MHD_OPTION_END, 0, NULL}};
    if (server->tls_key)
        flags |= MHD_USE_TLS;
    /* The external logger has to come first, or the errors of other options go to stderr. */
    return MHD_start_daemon(flags, 0, arci_http_connection_admit, server, arci_exchange_on_request, server,
                            MHD_OPTION_EXTERNAL_LOGGER, log_library, server, MHD_OPTION_LISTEN_SOCKET,
                            listener, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_CONNECTION_LIMIT,
                            options->connection_limit + options->loopback_limit + SPARE_CONNECTIONS,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_URI_LOG_CALLBACK,
                            arci_exchange_on_target, server, MHD_OPTION_NOTIFY_COMPLETED,
                            arci_exchange_on_completed, server, MHD_OPTION_ARRAY,
                            server->tls_key ? tls : plain, MHD_OPTION_END);
}

static int start(struct arci_http_server *server, struct arctic_error *error)
{
    ARCI_CLOSE int listener = -1;
    int code = arci_http_listen(server->options.address, server->options.port, server->options.port_setting,
                                server->options.socket_mark, &listener, &server->endpoint, error);
    if (code == ARCTIC_OK && server->options.tls_chain)
        code = arci_tls_key_read(server->options.tls_chain, server->options.tls_key, &server->tls_key, error);
    if (code < 0)
        return code;
    server->daemon = start_daemon(server, listener);
    server->options.address = server->options.tls_chain = server->options.tls_key = NULL;
    if (!server->daemon)
        return arci_fail(error, ARCTIC_E_SYSTEM, NULL, "the HTTP library did not start");
    server->listener = arci_steal_fd(&listener);
    return ARCTIC_OK;
}

/* Nothing here fails once the poll handle stands, so that no half-initialised handle is ever left in the
 * loop. */
static int attach(struct arci_http_server *server, struct arctic_error *error)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (!info)
        return arci_fail(error, ARCTIC_E_SYSTEM, NULL, "the HTTP library has no epoll descriptor");
    int result = arci_http_server_attach(server, info->epoll_fd);
    if (result < 0)
        return arci_fail_errnum(error, -result, "cannot watch the HTTP library");
    return ARCTIC_OK;
}

static void free_server(struct arci_http_server *server)
{
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    arci_tls_key_unref(server->tls_key);
    free(server);
}

ARCI_DEFINE_CLEANUP(struct arci_http_server *, free_server, server_cleanup)

int arci_http_server_create(const struct arci_http_options *options, struct arci_http_server **ret_server,
                            struct arctic_error *error)
{
    ARCI_CLEANUP(server_cleanup) struct arci_http_server *server = calloc(1, sizeof *server);
    if (!server)
        return arci_fail_memory(error);
    server->options = *options;
    int code = check_options(&server->options, error);
    if (code == ARCTIC_OK)
        code = start(server, error);
    if (code == ARCTIC_OK)
        code = attach(server, error);
    if (code == ARCTIC_OK)
        *ret_server = arci_steal(server);
    return code;
}

int arci_http_server_renew_key(struct arci_http_server *server, const char *chain, const char *key,
                               struct arctic_error *error)
{
    struct arci_tls_key *renewed = NULL;
    if (!server->tls_key)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "this server speaks plain HTTP");
    int code = arci_tls_key_read(chain, key, &renewed, error);
    if (code < 0)
        return code;
    arci_tls_key_unref(server->tls_key);
    server->tls_key = renewed;
    return ARCTIC_OK;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct arci_http_server *server = handle->data;
    if (--server->open_handles > 0)
        return;
    void (*closed)(void *) = server->closed;
    void *context = server->closed_context;
    arci_tls_key_unref(server->tls_key);
    free(server);
    if (closed)
        closed(context);
}

void arci_http_server_close(struct arci_http_server *server, void (*closed)(void *context), void *context)
{
    server->closed = closed;
    server->closed_context = context;
    arci_http_server_detach(server, on_handle_closed);
    arci_submissions_cancel_all(server);
    arci_exchanges_resume_all(server);
    MHD_stop_daemon(server->daemon);
    server->daemon = NULL;
}
