/*
 * Drives lib/kernel for test_kernel_*.py: commands come as JSON lines on stdin, each is answered by one line
 * on stdout. Every service has listeners of its own; a connection that they accept is greeted with a line
 * of JSON (service, source, destination, interface) and echoed from then on, so that a client sees who took
 * it. End of input is a clean stop; a test that wants none kills it.
 */
#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <arctic/match.h>

#include "base/address.h"
#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/time.h"
#include "crypto/digest.h"
#include "kernel/ingress.h"
#include "kernel/kernel.h"
#include "kernel/listener.h"

#define SERVICES_MAX 256
#define CONNECTIONS_MAX 512

struct probe_service {
    struct arctic_id id;
    struct arci_listeners listeners;
};

struct probe {
    struct arci_kernel *kernel;
    struct arctic_route_table *table; /* what was applied last, for "match" */
    struct probe_service services[SERVICES_MAX];
    size_t service_count;
    int connections[CONNECTIONS_MAX];
    size_t connection_count;
};

static void answer(json_t *object)
{
    ARCI_JSON *owned = object;
    ARCI_FREE char *text = json_dumps(owned, JSON_COMPACT);
    printf("%s\n", text ? text : "{\"error\":\"no memory\"}");
    fflush(stdout);
}

static json_t *failure(const struct arctic_error *error)
{
    return json_pack("{s:s, s:s}", "error", error->message, "code", arctic_code_name(error->code));
}

static void write_log(void *user, int32_t level, const char *line, size_t length)
{
    (void)user;
    (void)level;
    fprintf(stderr, "%.*s\n", (int)length, line);
}

static struct probe_service *service_of(struct probe *probe, const struct arctic_id *id,
                                        struct arctic_error *error)
{
    for (size_t i = 0; i < probe->service_count; i++) {
        if (arctic_id_equal(&probe->services[i].id, id))
            return &probe->services[i];
    }
    if (probe->service_count == SERVICES_MAX)
        return NULL;
    struct probe_service *service = &probe->services[probe->service_count];
    service->id = *id;
    if (arci_listeners_open(0, false, arci_kernel_bypass_mark(probe->kernel), &service->listeners, error) < 0)
        return NULL;
    probe->service_count++;
    return service;
}

static int read_cidr(const json_t *value, struct arctic_cidr *ret_cidr, struct arctic_error *error)
{
    return json_is_string(value) ? arctic_cidr_parse(json_string_value(value), ret_cidr, error) : 0;
}

/* [id, source, destination, priority] */
static int read_route(const json_t *value, struct arci_route *ret_route, struct arctic_error *error)
{
    ret_route->id = (uint64_t)json_integer_value(json_array_get(value, 0));
    ret_route->priority = (int32_t)json_integer_value(json_array_get(value, 3));
    int code = read_cidr(json_array_get(value, 1), &ret_route->source, error);
    return code < 0 ? code : read_cidr(json_array_get(value, 2), &ret_route->destination, error);
}

static int read_routes(const json_t *array, struct arci_kernel_service *service, struct arctic_error *error)
{
    size_t count = json_array_size(array);
    struct arci_route *routes = calloc(count ? count : 1, sizeof *routes);
    if (!routes)
        return arci_fail_memory(error);
    service->routes = routes;
    service->route_count = count;
    for (size_t i = 0; i < count; i++) {
        int code = read_route(json_array_get(array, i), &routes[i], error);
        if (code < 0)
            return code;
    }
    return ARCTIC_OK;
}

/* As the agent does: what stays the same is known to, and its part of the plan is taken from the one before. */
static int read_revision(const json_t *routes, struct arci_kernel_service *service,
                         struct arctic_error *error)
{
    ARCI_FREE char *text = json_dumps(routes, JSON_COMPACT);
    return text ? arci_sha256(text, strlen(text), service->revision, error) : arci_fail_memory(error);
}

static int read_service(struct probe *probe, const json_t *object, struct arci_kernel_service *ret_service,
                        struct arctic_error *error)
{
    const char *id = json_string_value(json_object_get(object, "id"));
    snprintf(ret_service->id.text, sizeof ret_service->id.text, "%s", id ? id : "");
    struct probe_service *own = service_of(probe, &ret_service->id, error);
    if (!own)
        return arci_fail(error, ARCTIC_E_SYSTEM, NULL, "no listener for %s", ret_service->id.text);
    ret_service->interface = json_string_value(json_object_get(object, "interface"));
    ret_service->withdrawn = json_is_true(json_object_get(object, "withdrawn"));
    ret_service->block = json_is_true(json_object_get(object, "block"));
    ret_service->tproxy_port = own->listeners.port;
    const json_t *routes = json_object_get(object, "routes");
    int code = read_revision(routes, ret_service, error);
    return code < 0 ? code : read_routes(routes, ret_service, error);
}

static int fill_table(struct probe *probe, const struct arci_kernel_service *services, size_t count,
                      struct arctic_error *error)
{
    arctic_route_table_free(probe->table);
    probe->table = NULL;
    int code = arctic_route_table_create(&probe->table, error);
    for (size_t i = 0; code >= 0 && i < count; i++) {
        const struct arci_kernel_service *service = &services[i];
        if (service->withdrawn)
            continue;
        code = arctic_route_table_add_service(probe->table, &service->id, service->interface, error);
        for (size_t j = 0; code >= 0 && j < service->route_count; j++)
            code = arctic_route_table_add_route(probe->table, &service->id, service->routes[j].id,
                                                &service->routes[j].source, &service->routes[j].destination,
                                                service->routes[j].priority, error);
    }
    return code;
}

static json_t *apply_services(struct probe *probe, const json_t *command,
                              struct arci_kernel_service *services)
{
    struct arctic_error error = {0};
    const json_t *array = json_object_get(command, "services");
    size_t count = json_array_size(array);
    int code = ARCTIC_OK;
    for (size_t i = 0; code >= 0 && i < count; i++)
        code = read_service(probe, json_array_get(array, i), &services[i], &error);
    int64_t began = arci_time_monotonic();
    if (code >= 0)
        code = arci_kernel_apply(
            probe->kernel, &(struct arci_kernel_wish){.services = services, .service_count = count}, &error);
    int64_t took = arci_time_monotonic() - began;
    if (code >= 0 && !json_is_false(json_object_get(command, "match")))
        code = fill_table(probe, services, count, &error);
    return code < 0 ? failure(&error) : json_pack("{s:I}", "ms", (json_int_t)took);
}

static json_t *apply(struct probe *probe, const json_t *command)
{
    size_t count = json_array_size(json_object_get(command, "services"));
    struct arci_kernel_service *services = calloc(count ? count : 1, sizeof *services);
    json_t *result = services ? apply_services(probe, command, services) : NULL;
    for (size_t i = 0; services && i < count; i++)
        free((void *)services[i].routes);
    free(services);
    return result;
}

static json_t *refuse(struct probe *probe, const json_t *command)
{
    struct arctic_error error = {0};
    struct arctic_id id = {{0}};
    struct arctic_endpoint destination;
    const char *text = json_string_value(json_object_get(command, "service"));
    uint32_t seconds = (uint32_t)json_integer_value(json_object_get(command, "seconds"));
    snprintf(id.text, sizeof id.text, "%s", text ? text : "");
    int64_t began = arci_time_monotonic();
    if (arctic_endpoint_parse(json_string_value(json_object_get(command, "destination")), &destination,
                              &error) < 0 ||
        arci_kernel_refuse(probe->kernel, &id, &destination, seconds, &error) < 0)
        return failure(&error);
    return json_pack("{s:I}", "ms", (json_int_t)(arci_time_monotonic() - began));
}

static json_t *status(struct probe *probe)
{
    struct arci_kernel_status status;
    arci_kernel_status(probe->kernel, &status);
    json_t *checks = json_object();
    for (size_t i = 0; i < ARCI_KERNEL_CHECKS; i++)
        json_object_set_new(checks, status.checks[i].name, json_string(status.checks[i].sentence));
    return json_pack("{s:b, s:b, s:o}", "ready", status.ready, "owner", status.owner, "checks", checks);
}

static json_t *counters(struct probe *probe)
{
    struct arctic_error error = {0};
    ARCI_FREE struct arci_kernel_counter *items = NULL;
    size_t count = 0;
    if (arci_kernel_counters(probe->kernel, &items, &count, &error) < 0)
        return failure(&error);
    json_t *result = json_object();
    for (size_t i = 0; i < count; i++)
        json_object_set_new(result, items[i].service.text, json_integer((json_int_t)items[i].packets));
    return result;
}

static json_t *match(struct probe *probe, const json_t *command)
{
    struct arctic_error error = {0};
    struct arctic_flow flow = {0};
    struct arctic_match winner;
    const char *interface = json_string_value(json_object_get(command, "interface"));
    snprintf(flow.interface, sizeof flow.interface, "%s", interface ? interface : "");
    if (arctic_address_parse(json_string_value(json_object_get(command, "source")), &flow.source, &error) <
            0 ||
        arctic_address_parse(json_string_value(json_object_get(command, "destination")), &flow.destination,
                             &error) < 0)
        return failure(&error);
    int code = arctic_route_table_match(probe->table, &flow, &winner, &error);
    if (code < 0 && code != ARCTIC_E_NOT_FOUND)
        return failure(&error);
    return json_pack("{s:s?}", "service", code < 0 ? NULL : winner.service_id.text);
}

/* What a socket of the agent itself reads first from a destination. */
static json_t *own_connection(struct probe *probe, const json_t *command)
{
    struct arctic_error error = {0};
    struct arctic_endpoint destination;
    struct sockaddr_storage address;
    char text[512];
    if (arctic_endpoint_parse(json_string_value(json_object_get(command, "destination")), &destination,
                              &error) < 0)
        return failure(&error);
    socklen_t length = arci_endpoint_to_sockaddr(&destination, &address);
    ARCI_CLOSE int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    uint32_t mark = arci_kernel_bypass_mark(probe->kernel);
    struct timeval patience = {.tv_sec = 3}; /* should it reach a listener of this very program */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof mark) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0 ||
        connect(fd, (const struct sockaddr *)&address, length) < 0)
        return json_pack("{s:s}", "error", strerror(errno));
    ssize_t got = recv(fd, text, sizeof text - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    return json_pack("{s:s}", "greeting", text);
}

static json_t *deafen(struct probe *probe)
{
    for (size_t i = 0; i < probe->service_count; i++)
        arci_listeners_close(&probe->services[i].listeners);
    return json_object();
}

static json_t *memory(void)
{
    struct rusage usage;
    long pages = 0;
    malloc_trim(0); /* what commands took is not of interest */
    FILE *file = fopen("/proc/self/statm", "re");
    if (file && fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    getrusage(RUSAGE_SELF, &usage);
    return json_pack("{s:I, s:I}", "rss_kb", (json_int_t)(pages * 4), "peak_kb", (json_int_t)usage.ru_maxrss);
}

static json_t *obey(struct probe *probe, const json_t *command)
{
    const char *verb = json_string_value(json_object_get(command, "do"));
    if (!verb)
        return NULL;
    if (strcmp(verb, "apply") == 0)
        return apply(probe, command);
    if (strcmp(verb, "refuse") == 0)
        return refuse(probe, command);
    if (strcmp(verb, "status") == 0)
        return status(probe);
    if (strcmp(verb, "counters") == 0)
        return counters(probe);
    if (strcmp(verb, "match") == 0)
        return match(probe, command);
    if (strcmp(verb, "connect") == 0)
        return own_connection(probe, command);
    if (strcmp(verb, "deafen") == 0)
        return deafen(probe);
    return strcmp(verb, "memory") == 0 ? memory() : NULL;
}

static bool read_command(struct probe *probe)
{
    static char *line;
    static size_t size;
    struct arctic_error error = {0};
    ARCI_JSON *command = NULL;
    ssize_t length = getline(&line, &size, stdin);
    if (length < 0)
        return false;
    if (arci_json_parse(line, (size_t)length, &command, &error) < 0)
        answer(failure(&error));
    else
        answer(obey(probe, command));
    return true;
}

static void greet(int fd, const char *anchor, const struct probe_service *service)
{
    struct arci_ingress ingress;
    struct arctic_error error = {0};
    char source[ARCTIC_ENDPOINT_TEXT];
    char destination[ARCTIC_ENDPOINT_TEXT];
    if (arci_ingress_read(fd, anchor, &ingress, &error) < 0) {
        dprintf(fd, "{\"error\":\"%s\"}\n", error.message);
        return;
    }
    dprintf(fd, "{\"service\":\"%s\",\"source\":\"%s\",\"destination\":\"%s\",\"interface\":\"%s\"}\n",
            service->id.text, arctic_endpoint_format(&ingress.source, source),
            arctic_endpoint_format(&ingress.destination, destination), ingress.interface);
}

static void accept_from(struct probe *probe, const struct probe_service *service, int listener)
{
    int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    if (probe->connection_count == CONNECTIONS_MAX) {
        close(fd);
        return;
    }
    greet(fd, arci_kernel_anchor(probe->kernel), service);
    probe->connections[probe->connection_count++] = fd;
}

static void echo(struct probe *probe, size_t index)
{
    char bytes[4096];
    int fd = probe->connections[index];
    ssize_t got = recv(fd, bytes, sizeof bytes, 0);
    if (got > 0 && send(fd, bytes, (size_t)got, MSG_NOSIGNAL) == got)
        return;
    close(fd);
    probe->connections[index] = probe->connections[--probe->connection_count];
}

static void run(struct probe *probe)
{
    for (;;) {
        static struct pollfd polled[1 + 2 * SERVICES_MAX + CONNECTIONS_MAX];
        size_t services = probe->service_count;
        size_t connections = probe->connection_count;
        size_t used = 0;
        polled[used++] = (struct pollfd){.fd = STDIN_FILENO, .events = POLLIN};
        for (size_t i = 0; i < services; i++) {
            polled[used++] = (struct pollfd){.fd = probe->services[i].listeners.ipv4, .events = POLLIN};
            polled[used++] = (struct pollfd){.fd = probe->services[i].listeners.ipv6, .events = POLLIN};
        }
        for (size_t i = 0; i < connections; i++)
            polled[used++] = (struct pollfd){.fd = probe->connections[i], .events = POLLIN};
        if (poll(polled, used, -1) < 0)
            return;
        for (size_t i = connections; i-- > 0;) {
            if (polled[1 + 2 * services + i].revents)
                echo(probe, i);
        }
        for (size_t i = 0; i < 2 * services; i++) {
            if (polled[1 + i].revents & POLLIN)
                accept_from(probe, &probe->services[i / 2], polled[1 + i].fd);
        }
        if (polled[0].revents && !read_command(probe))
            return;
    }
}

static int create(const char *text, struct arctic_log *log, struct arci_kernel **ret_kernel,
                  struct arctic_error *error)
{
    ARCI_JSON *object = NULL;
    int code = arci_json_parse(text, strlen(text), &object, error);
    if (code < 0)
        return code;
    struct arci_kernel_options options = {
        .mark_mask = (uint32_t)json_integer_value(json_object_get(object, "mark_mask")),
        .route_table = (uint32_t)json_integer_value(json_object_get(object, "route_table")),
        .rule_priority = (uint32_t)json_integer_value(json_object_get(object, "rule_priority")),
        .table_mode = (enum arci_table_mode)json_integer_value(json_object_get(object, "table_mode")),
        .anchor_name = json_string_value(json_object_get(object, "anchor_name")),
        .settings_path = json_string_value(json_object_get(object, "settings_path")),
    };
    return arci_kernel_create(&options, log, ret_kernel, error);
}

int main(int count, char **arguments)
{
    static struct probe probe;
    struct arctic_error error = {0};
    struct arctic_log *log = NULL;
    setvbuf(stdin, NULL, _IONBF, 0); /* poll() must see every line */
    if (count != 2 || arctic_log_create(ARCTIC_LOG_INFO, ARCTIC_LOG_TEXT, write_log, NULL, &log, &error) < 0)
        return 2;
    if (create(arguments[1], log, &probe.kernel, &error) < 0) {
        answer(failure(&error));
        arctic_log_free(log);
        return 1;
    }
    answer(json_object());
    run(&probe);
    arci_kernel_free(probe.kernel);
    arctic_route_table_free(probe.table);
    json_decref(deafen(&probe));
    arctic_log_free(log);
    return 0;
}
