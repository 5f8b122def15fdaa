/* The table of settings: see settings.h. */
#include "settings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"

/* A sender hands over up to 64 KiB at a time, so a shorter queue would drop parts of the first burst. */
#define QUEUE_FLOOR_BYTES (64.0 * ETHERNET_FULL_FRAME)

const struct settings settings_default = {.reorder_ms = 1, .seed = 1};

static const struct field {
    const char *name;
    size_t offset;
    double most;
} fields[] = {
    {"delay_ms", offsetof(struct settings, delay_ms), 60000},
    {"rate_mbit", offsetof(struct settings, rate_mbit), 1e6},
    {"queue_bytes", offsetof(struct settings, queue_bytes), 1e9},
    {"loss_percent", offsetof(struct settings, loss_percent), 100},
    {"burst_frames", offsetof(struct settings, burst_frames), 1e6},
    {"reorder_percent", offsetof(struct settings, reorder_percent), 100},
    {"reorder_ms", offsetof(struct settings, reorder_ms), 60000},
    {"duplicate_percent", offsetof(struct settings, duplicate_percent), 100},
    {"corrupt_percent", offsetof(struct settings, corrupt_percent), 100},
    {"seed", offsetof(struct settings, seed), 9007199254740992.0},
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

static const struct field *field_find(const char *name, size_t length)
{
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (strlen(fields[i].name) == length && !memcmp(fields[i].name, name, length))
            return &fields[i];
    return NULL;
}

int settings_assign(struct settings *settings, const char *assignment, char *why, size_t why_size)
{
    const char *equals = strchr(assignment, '=');
    const struct field *field = equals ? field_find(assignment, (size_t)(equals - assignment)) : NULL;
    char *end;
    double value;

    if (!field) {
        snprintf(why, why_size, "%s: no such setting, want name=value", assignment);
        return -1;
    }
    value = strtod(equals + 1, &end);
    if (end == equals + 1 || *end || !isfinite(value) || value < 0 || value > field->most) {
        snprintf(why, why_size, "%s: want a number from 0 to %.17g", assignment, field->most);
        return -1;
    }
    memcpy((char *)settings + field->offset, &value, sizeof(value));
    return 0;
}

void settings_print(const struct settings *settings, FILE *out)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        double value;

        memcpy(&value, (const char *)settings + fields[i].offset, sizeof(value));
        fprintf(out, "%s\"%s\": %.17g", i ? ", " : "", fields[i].name, value);
    }
}

double settings_queue_limit(const struct settings *settings)
{
    double bdp = settings->rate_mbit * 1e6 / 8 * 2 * settings->delay_ms / 1e3;

    if (settings->queue_bytes > 0)
        return settings->queue_bytes;
    return bdp > QUEUE_FLOOR_BYTES ? bdp : QUEUE_FLOOR_BYTES;
}
