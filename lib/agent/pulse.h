/*
 * The pulse: a sign of life of the control loop, with a sentence that says how the agent is, for the program around it and what
 * watches over that (arctic_agent_options.pulse).
 */
#ifndef ARCI_AGENT_PULSE_H
#define ARCI_AGENT_PULSE_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include <arctic/error.h>

struct arctic_agent;

/* Zero-initialised it beats for nobody. */
struct arci_pulse {
    uv_timer_t timer;
    uint64_t began_at; /* milliseconds of the loop's clock: the first beat; 0 before */
    bool settled;
};

/* Begins to beat once the loop runs, where the options name somebody to tell. */
int arci_pulse_start(struct arctic_agent *agent, struct arctic_error *error);

/* The last beat was the last. May be called again, and where it was not started. */
void arci_pulse_stop(struct arctic_agent *agent);

#endif
