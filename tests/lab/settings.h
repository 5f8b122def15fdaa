/*
 * What one direction of a link can be told to be, and the one table by which the command line and the control
 * channel read and write it. All values are doubles so that the table needs one kind only; whole numbers stay
 * exact up to 2^53.
 */
#ifndef LAB_SETTINGS_H
#define LAB_SETTINGS_H

#include <stddef.h>
#include <stdio.h>

struct settings {
    double delay_ms;        /* one way */
    double rate_mbit;       /* whole Ethernet frames, without preamble and FCS; 0 is unlimited */
    double queue_bytes;     /* droptail in front of the link; 0 is one BDP: rate x 2 x delay */
    double loss_percent;    /* mean share of frames lost on the link, after they took their time on it */
    double burst_frames;    /* mean length of a run of losses; 0 draws each frame for itself */
    double reorder_percent; /* share of frames that arrive reorder_ms later than the others */
    double reorder_ms;
    double duplicate_percent; /* share of frames that arrive twice */
    double corrupt_percent;   /* share of frames with one bit flipped behind the Ethernet header */
    double seed;
};

extern const struct settings settings_default;

/* Applies "name=value" to *settings. Returns 0, or -1 with a sentence in `why` and *settings untouched. */
int settings_assign(struct settings *settings, const char *assignment, char *why, size_t why_size);
/* Writes the members `"name": value, ...` of a JSON object, without its braces. */
void settings_print(const struct settings *settings, FILE *out);
/* The queue limit in force, in bytes. */
double settings_queue_limit(const struct settings *settings);

#endif
