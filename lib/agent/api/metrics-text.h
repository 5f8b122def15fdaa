/*
 * Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/): a family with its help and type, then its
 * samples. Failures show at the end, in the buffer.
 */
#ifndef ARCI_AGENT_METRICS_TEXT_H
#define ARCI_AGENT_METRICS_TEXT_H

#include "base/buffer.h"

#define ARCI_METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"

/* A label; lists of them end with a NULL name. Values are escaped. */
struct arci_metric_label {
    const char *name;
    const char *value;
};

/* `type` is "gauge" or "counter". */
void arci_metric_family(struct arci_buffer *text, const char *name, const char *type, const char *help);

/* `labels` may be NULL. */
void arci_metric_count(struct arci_buffer *text, const char *name, const struct arci_metric_label *labels,
                       uint64_t value);
void arci_metric_real(struct arci_buffer *text, const char *name, const struct arci_metric_label *labels,
                      double value);

#endif
