/* Lines of Prometheus' text format. */
#include "agent/api/metrics-text.h"

#include <inttypes.h>

void arci_metric_family(struct arci_buffer *text, const char *name, const char *type, const char *help)
{
    arci_buffer_format(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_escaped(struct arci_buffer *text, const char *value)
{
    for (const char *byte = value; *byte; byte++) {
        if (*byte == '\n')
            arci_buffer_text(text, "\\n");
        else if (*byte == '"' || *byte == '\\')
            arci_buffer_format(text, "\\%c", *byte);
        else
            arci_buffer_append(text, byte, 1);
    }
}

static void add_name(struct arci_buffer *text, const char *name, const struct arci_metric_label *labels)
{
    const char *before = "{";
    arci_buffer_text(text, name);
    for (; labels && labels->name; labels++) {
        arci_buffer_format(text, "%s%s=\"", before, labels->name);
        add_escaped(text, labels->value);
        arci_buffer_text(text, "\"");
        before = ",";
    }
    arci_buffer_text(text, before[0] == ',' ? "} " : " ");
}

void arci_metric_count(struct arci_buffer *text, const char *name, const struct arci_metric_label *labels,
                       uint64_t value)
{
    add_name(text, name, labels);
    arci_buffer_format(text, "%" PRIu64 "\n", value);
}

void arci_metric_real(struct arci_buffer *text, const char *name, const struct arci_metric_label *labels,
                      double value)
{
    add_name(text, name, labels);
    arci_buffer_format(text, "%.6f\n", value);
}
