/* Texts as scalars of YAML. */
#ifndef ARCI_COMPOSE_SCALAR_H
#define ARCI_COMPOSE_SCALAR_H

#include "base/buffer.h"

/* Appends a text so that it is read back as this text: plain where that is safe, else in double quotes. */
void arci_scalar_append(struct arci_buffer *buffer, const char *text);

/* In double quotes whatever it is. */
void arci_scalar_append_quoted(struct arci_buffer *buffer, const char *text);

#endif
