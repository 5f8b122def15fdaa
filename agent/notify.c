/*
 * One datagram a message to the socket in $NOTIFY_SOCKET. The protocol is stable and documented (sd_notify(3), "Implementation
 * Notes"), and smaller than what libsystemd brings along.
 */
#include "notify.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* A leading '@' stands for the NUL of an abstract address (unix(7)). */
static bool find_manager(struct sockaddr_un *ret_address, socklen_t *ret_length)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t length = path ? strlen(path) : 0;
    if (length < 2 || length >= sizeof ret_address->sun_path || (path[0] != '/' && path[0] != '@'))
        return false;
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(ret_address->sun_path, path, length);
    if (path[0] == '@')
        ret_address->sun_path[0] = '\0';
    *ret_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return true;
}

void notify_send(const char *state)
{
    struct sockaddr_un address;
    socklen_t length;
    if (!find_manager(&address, &length))
        return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    /* A manager that does not read is not waited for: that would stop the control loop. */
    sendto(fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL, (struct sockaddr *)&address, length);
    close(fd);
}

void notify_pulse(void *user, int32_t settled, const char *sentence)
{
    struct notify *notify = user;
    char state[sizeof notify->status + 64];
    bool begins = settled && !notify->ready;
    bool news = strcmp(notify->status, sentence) != 0;
    snprintf(notify->status, sizeof notify->status, "%s", sentence);
    notify->ready = notify->ready || begins;
    snprintf(state, sizeof state, "WATCHDOG=1\n%s%s%s%s", begins ? "READY=1\n" : "", news ? "STATUS=" : "",
             news ? notify->status : "", news ? "\n" : "");
    notify_send(state);
}
