/*
 * Drives lib/kernel/dhcp for test_dhcp.py: options come as JSON in the first argument, commands as JSON lines on stdin, each answered by one
 * line on stdout. The client's clock may be put forward ("leap"), so that nobody has to wait for a lease to become old.
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/json.h"
#include "base/time.h"
#include "kernel/dhcp/dhcp.h"

struct probe {
    struct arci_dhcp *dhcp;
    int64_t leapt;   /* milliseconds */
    int64_t changes; /* how often the client said that something is new */
};

static int64_t now_of(const struct probe *probe)
{
    return arci_time_monotonic() + probe->leapt;
}

static void answer(json_t *object)
{
    ARCI_JSON *owned = object;
    ARCI_FREE char *text = json_dumps(owned, JSON_COMPACT);
    printf("%s\n", text ? text : "{\"error\":\"no memory\"}");
    fflush(stdout);
}

static void write_log(void *user, int32_t level, const char *line, size_t length)
{
    (void)user;
    (void)level;
    fprintf(stderr, "%.*s\n", (int)length, line);
}

static json_t *status(const struct probe *probe)
{
    static const char *const states[] = {"waiting", "confirming", "checking",
                                         "bound",   "conflict",   "released"};
    const struct arci_dhcp_lease *lease = arci_dhcp_lease(probe->dhcp);
    int64_t deadline = arci_dhcp_deadline(probe->dhcp);
    return json_pack("{s:s, s:s, s:o, s:I, s:I}", "state", states[arci_dhcp_state(probe->dhcp)], "reason",
                     arci_dhcp_reason(probe->dhcp), "lease",
                     lease ? arci_dhcp_lease_to_json(lease) : json_null(), "due",
                     (json_int_t)(deadline == INT64_MAX ? -1 : deadline - now_of(probe)), "changes",
                     (json_int_t)probe->changes);
}

static json_t *obey(struct probe *probe, const json_t *command)
{
    const char *verb = json_string_value(json_object_get(command, "do"));
    if (!verb)
        return NULL;
    if (strcmp(verb, "leap") == 0)
        probe->leapt += json_integer_value(json_object_get(command, "ms"));
    else if (strcmp(verb, "release") == 0)
        arci_dhcp_release(probe->dhcp, now_of(probe));
    else if (strcmp(verb, "link") == 0)
        arci_dhcp_link_changed(probe->dhcp, now_of(probe));
    else if (strcmp(verb, "status") != 0)
        return NULL;
    return status(probe);
}

static bool read_command(struct probe *probe)
{
    static char *line;
    static size_t size;
    struct arctic_error error = {0};
    ARCI_JSON *command = NULL;
    ssize_t length = getline(&line, &size, stdin);
    if (length < 0) {
        free(line);
        line = NULL;
        return false;
    }
    if (arci_json_parse(line, (size_t)length, &command, &error) < 0)
        answer(json_pack("{s:s}", "error", error.message));
    else
        answer(obey(probe, command));
    return true;
}

static int patience(const struct probe *probe)
{
    int64_t deadline = arci_dhcp_deadline(probe->dhcp);
    int64_t left = deadline - now_of(probe);
    return deadline == INT64_MAX ? -1 : left < 0 ? 0 : left > 60000 ? 60000 : (int)left;
}

static void run(struct probe *probe)
{
    for (;;) {
        struct pollfd polled[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                                  {.fd = arci_dhcp_fd(probe->dhcp), .events = POLLIN}};
        if (poll(polled, 2, patience(probe)) < 0)
            return;
        if (polled[1].revents)
            probe->changes += arci_dhcp_read(probe->dhcp, now_of(probe));
        if (patience(probe) == 0)
            probe->changes += arci_dhcp_tick(probe->dhcp, now_of(probe));
        if (polled[0].revents && !read_command(probe))
            return;
    }
}

static int read_mac(const char *interface, uint8_t ret_mac[6])
{
    struct ifreq request = {0};
    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", interface);
    ARCI_CLOSE int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCGIFHWADDR, &request) < 0)
        return -1;
    memcpy(ret_mac, request.ifr_hwaddr.sa_data, 6);
    return 0;
}

static int start(const char *text, struct arctic_log *log, struct arci_dhcp **ret_dhcp,
                 struct arctic_error *error)
{
    ARCI_JSON *object = NULL;
    const char *interface = "";
    struct arctic_id service;
    struct arci_dhcp_lease former;
    int code = arci_json_parse(text, strlen(text), &object, error);
    if (code == ARCTIC_OK)
        code = arci_json_text(object, "interface", true, &interface, error);
    if (code == ARCTIC_OK)
        code = arctic_id_parse(ARCTIC_ID_SERVICE, json_string_value(json_object_get(object, "service")),
                               &service, error);
    const json_t *lease = json_object_get(object, "former");
    if (code == ARCTIC_OK && lease)
        code = arci_dhcp_lease_from_json(lease, &former, error);
    if (code < 0)
        return code;
    struct arci_dhcp_options options = {
        .interface_index = if_nametoindex(interface),
        .interface = interface,
        .service = &service,
        .hostname = json_string_value(json_object_get(object, "hostname")),
        .former = lease ? &former : NULL,
        .log = log,
        .check_unit = (uint32_t)json_integer_value(json_object_get(object, "check_unit")),
    };
    if (read_mac(interface, options.mac) < 0)
        return arci_fail_errno(error, "cannot read the address of %s", interface);
    return arci_dhcp_start(&options, ret_dhcp, error);
}

int main(int count, char **arguments)
{
    struct probe probe = {0};
    struct arctic_error error = {0};
    struct arctic_log *log = NULL;
    setvbuf(stdin, NULL, _IONBF, 0); /* poll() must see every line */
    if (count != 2 || arctic_log_create(ARCTIC_LOG_DEBUG, ARCTIC_LOG_TEXT, write_log, NULL, &log, &error) < 0)
        return 2;
    int code = start(arguments[1], log, &probe.dhcp, &error);
    if (code < 0) {
        answer(json_pack("{s:s}", "error", error.message));
        arctic_log_free(log);
        return 1;
    }
    answer(json_object());
    run(&probe);
    arci_dhcp_free(probe.dhcp);
    arctic_log_free(log);
    return 0;
}
