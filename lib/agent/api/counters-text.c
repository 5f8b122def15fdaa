/* See counters-text.h. */
#include "agent/api/counters-text.h"

#include <inttypes.h>

#include "base/time.h"

/* The members that both have, and the end of the object. */
static void append_counts(const struct arci_service_stats *stats, struct arci_buffer *buffer)
{
    /* The two are read one after the other while workers count on. */
    uint64_t refused = stats->flows_refused;
    uint64_t reset = stats->flows_failed > refused ? stats->flows_failed - refused : 0;
    arci_buffer_format(buffer,
                       "\"flows_total\":%" PRIu64 ",\"flows_open\":%" PRIu64 ",\"flows_refused\":%" PRIu64
                       ",\"flows_reset\":%" PRIu64 ",\"bytes_sent\":%" PRIu64 ",\"bytes_received\":%" PRIu64
                       ",\"packets_sent\":%" PRIu64 ",\"packets_received\":%" PRIu64 "}",
                       stats->flows_opened, stats->flows_open, refused, reset, stats->bytes_up,
                       stats->bytes_down, stats->packets_up, stats->packets_down);
}

void arci_counters_text_append(const struct arci_service_stats *stats, struct arci_buffer *buffer)
{
    static const struct arci_service_stats nothing;
    char since[ARCI_TIME_TEXT];
    if (stats)
        arci_buffer_format(buffer, "{\"since\":\"%s\",", arci_time_format(stats->since, since));
    else
        arci_buffer_text(buffer, "{\"since\":null,");
    append_counts(stats ? stats : &nothing, buffer);
}

void arci_route_counters_text_append(const struct arci_service_stats *stats, struct arci_buffer *buffer)
{
    static const struct arci_service_stats nothing;
    arci_buffer_text(buffer, "{");
    append_counts(stats ? stats : &nothing, buffer);
}
