/* The control channel: see control.h. */
#include "control.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define REQUEST_BYTES 1024
#define ANSWER_BYTES 4096
#define WHY_BYTES 256

static const char *const direction_names[DIRECTIONS] = {"forward", "reverse"};

int control_open(struct control *control, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(path);

    memset(control->clients, -1, sizeof(control->clients));
    if (length >= sizeof(address.sun_path)) {
        fprintf(stderr, "lab-emulator: %s: longer than a unix socket address\n", path);
        return -1;
    }
    memcpy(address.sun_path, path, length);
    unlink(path);
    control->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (control->listener < 0 || bind(control->listener, (struct sockaddr *)&address, sizeof(address)) ||
        listen(control->listener, CONTROL_CLIENTS)) {
        fprintf(stderr, "lab-emulator: %s: %s\n", path, strerror(errno));
        return -1;
    }
    return 0;
}

void control_poll(const struct control *control, struct pollfd *fds)
{
    fds[0] = (struct pollfd){.fd = control->listener, .events = POLLIN};
    for (size_t i = 0; i < CONTROL_CLIENTS; i++)
        fds[i + 1] = (struct pollfd){.fd = control->clients[i], .events = POLLIN};
}

/* Which directions a word names: a mask, 0 for none. */
static unsigned int directions_named(const char *word)
{
    if (!strcmp(word, "both"))
        return (1u << DIRECTIONS) - 1;
    for (unsigned int i = 0; i < DIRECTIONS; i++)
        if (!strcmp(word, direction_names[i]))
            return 1u << i;
    return 0;
}

static int set_one(struct settings *settings, bool *reseed, char *assignments, char *why)
{
    char *rest = NULL;

    for (char *word = strtok_r(assignments, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        if (settings_assign(settings, word, why, WHY_BYTES))
            return -1;
        *reseed = *reseed || !strncmp(word, "seed=", 5);
    }
    return 0;
}

static int set(struct link *link, unsigned int mask, const char *assignments, int64_t now, char *why)
{
    struct settings settings[DIRECTIONS];
    bool reseed = false;

    for (unsigned int i = 0; i < DIRECTIONS; i++) {
        char copy[REQUEST_BYTES];

        settings[i] = link->directions[i].settings;
        snprintf(copy, sizeof(copy), "%s", assignments);
        if (set_one(&settings[i], &reseed, copy, why))
            return -1;
    }
    for (unsigned int i = 0; i < DIRECTIONS; i++)
        if (mask & 1u << i)
            direction_set(&link->directions[i], &settings[i], reseed, now);
    return 0;
}

static void print_direction(struct link *link, unsigned int i, FILE *out)
{
    const struct direction *direction = &link->directions[i];
    const struct direction_stats *stats = &direction->stats;
    struct port *from = &link->ports[i], *to = &link->ports[DIRECTIONS - 1 - i];

    port_count_missed(from);
    fprintf(out, "\"%s\": {\"settings\": {", direction_names[i]);
    settings_print(&direction->settings, out);
    fprintf(out, "}, \"down\": %s", direction->down ? "true" : "false");
    fprintf(out, ", \"queue_limit_bytes\": %.0f", settings_queue_limit(&direction->settings));
#define PRINT(name, value) fprintf(out, ", \"" name "\": %" PRIu64, value)
    PRINT("queue_bytes", direction->queue_bytes);
    PRINT("queue_peak_bytes", stats->queue_peak_bytes);
    PRINT("frames_in", stats->frames_in);
    PRINT("bytes_in", stats->bytes_in);
    PRINT("frames_out", stats->frames_out);
    PRINT("bytes_out", stats->bytes_out);
    PRINT("dropped_loss", stats->dropped_loss);
    PRINT("dropped_queue", stats->dropped_queue);
    PRINT("dropped_down", stats->dropped_down);
    PRINT("dropped_memory", stats->dropped_memory);
    PRINT("reordered", stats->reordered);
    PRINT("duplicated", stats->duplicated);
    PRINT("corrupted", stats->corrupted);
    PRINT("missed", from->stats.missed);
    PRINT("unfit", from->stats.unfit);
    PRINT("undelivered", to->stats.undelivered);
#undef PRINT
    fprintf(out, "}");
}

static void print_stats(struct link *link, FILE *out)
{
    fprintf(out, "{");
    print_direction(link, FORWARD, out);
    fprintf(out, ", ");
    print_direction(link, REVERSE, out);
    fprintf(out, "}");
}

static void reset_stats(struct link *link)
{
    for (unsigned int i = 0; i < DIRECTIONS; i++) {
        port_count_missed(&link->ports[i]);
        link->ports[i].stats = (struct port_stats){0};
        link->directions[i].stats = (struct direction_stats){0};
    }
}

static int command_on_directions(struct link *link, const char *verb, char *arguments, int64_t now, char *why)
{
    char *rest = NULL, *word = strtok_r(arguments, " ", &rest);
    unsigned int mask = word ? directions_named(word) : 0;
    bool down = !strcmp(verb, "down");

    if (!mask) {
        snprintf(why, WHY_BYTES, "%s: want a direction: forward, reverse or both", verb);
        return -1;
    }
    if (!strcmp(verb, "set"))
        return set(link, mask, rest, now, why);
    if (!down && strcmp(verb, "up")) {
        snprintf(why, WHY_BYTES, "%s: no such command, want set, down, up, stats or reset", verb);
        return -1;
    }
    for (unsigned int i = 0; i < DIRECTIONS; i++)
        if (mask & 1u << i)
            direction_set_down(&link->directions[i], down);
    return 0;
}

static void answer_request(struct link *link, char *request, int64_t now, FILE *out)
{
    char why[WHY_BYTES] = "", *rest = NULL;
    const char *verb = strtok_r(request, " \n", &rest);

    if (verb && !strcmp(verb, "stats")) {
        print_stats(link, out);
        return;
    }
    if (verb && !strcmp(verb, "reset")) {
        reset_stats(link);
    } else if (command_on_directions(link, verb ? verb : "", rest, now, why)) {
        /* No quoting: a name that needs it is not echoed as JSON but cut. */
        why[strcspn(why, "\"\\\n")] = '\0';
        fprintf(out, "{\"error\": \"%s\"}", why);
        return;
    }
    fprintf(out, "{}");
}

/* Returns false when the client is done. */
static bool serve_client(int fd, struct link *link, int64_t now)
{
    char request[REQUEST_BYTES], answer[ANSWER_BYTES];
    ssize_t length = recv(fd, request, sizeof(request) - 1, MSG_DONTWAIT);
    FILE *out;

    if (length <= 0)
        return length < 0 && errno == EAGAIN;
    request[length] = '\0';
    out = fmemopen(answer, sizeof(answer), "w");
    if (!out)
        return false;
    answer_request(link, request, now, out);
    length = ftell(out);
    fclose(out);
    /* An answer that does not fit is a client that does not read. */
    return send(fd, answer, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL) == length;
}

static void accept_client(struct control *control)
{
    int fd = accept4(control->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        if (control->clients[i] < 0) {
            control->clients[i] = fd;
            return;
        }
    }
    close(fd);
}

void control_serve(struct control *control, const struct pollfd *fds, struct link *link, int64_t now)
{
    for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
        int *client = &control->clients[i];

        if (*client < 0 || !fds[i + 1].revents || serve_client(*client, link, now))
            continue;
        close(*client);
        *client = -1;
    }
    if (fds[0].revents)
        accept_client(control);
}
