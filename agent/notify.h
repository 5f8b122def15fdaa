/* Readiness, status and signs of life for the service manager, by the protocol of sd_notify(3). Without one nothing is sent. */
#ifndef ARCTIC_AGENT_NOTIFY_H
#define ARCTIC_AGENT_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Sends assignments such as "STOPPING=1", one a line. Never blocks; what cannot be sent is lost. Any thread. */
void notify_send(const char *state);

/* What the pulse of an agent (arctic_agent_options.pulse) has told so far. Zero-initialise. */
struct notify {
    bool ready;
    char status[512];
};

/* An arctic_agent_pulse_callback; `user` is a struct notify. */
void notify_pulse(void *user, int32_t settled, const char *sentence);

#endif
