/*
 * New connections per second, one after the other: each is opened, closed by a reset (so that no port waits in TIME_WAIT), and forgotten.
 *
 *     connections serve PORT               accepts and closes what comes, on IPv4 and IPv6, until it is killed
 *     connections open ADDRESS PORT SECONDS   prints how many it has opened in a second
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int fail(const char *what)
{
    perror(what);
    return 1;
}

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static int serve(const char *port)
{
    const int on = 1;
    const struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)atoi(port))};
    int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
        return fail("socket");
    if (bind(listener, (const struct sockaddr *)&any, sizeof any) < 0 || listen(listener, 4096) < 0)
        return fail("listen");
    for (;;) {
        int connection = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        if (connection >= 0)
            close(connection);
    }
}

static int open_one(const struct addrinfo *address)
{
    const struct linger reset = {.l_onoff = 1};
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    int result = connect(fd, address->ai_addr, address->ai_addrlen);
    close(fd);
    return result;
}

static int open_many(const char *host, const char *port, double seconds)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST};
    struct addrinfo *address = NULL;
    if (getaddrinfo(host, port, &hints, &address) != 0)
        return fail(host);
    double start = seconds_now();
    double now = start;
    unsigned long opened = 0;
    for (; now < start + seconds; now = seconds_now()) {
        if (open_one(address) < 0)
            return fail("connect");
        opened++;
    }
    printf("%.0f\n", (double)opened / (now - start));
    freeaddrinfo(address);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "serve") == 0)
        return serve(argv[2]);
    if (argc == 5 && strcmp(argv[1], "open") == 0)
        return open_many(argv[2], argv[3], atof(argv[4]));
    fprintf(stderr, "usage: connections serve PORT | open ADDRESS PORT SECONDS\n");
    return 2;
}
