/* A growing byte buffer with a limit, for building text and messages. */
#ifndef ARCI_BASE_BUFFER_H
#define ARCI_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/*
 * Zero-initialised it is empty and unlimited. A failed append (memory, limit) sets `failed`, and every later
 * append does nothing, so that a long text can be built without a check at each step and be tested once at
 * its end.
 */
struct arci_buffer {
    uint8_t *data; /* followed by a NUL byte that `length` does not count, once anything was appended */
    size_t length;
    size_t capacity;
    size_t limit; /* 0: none */
    bool failed;
};

void arci_buffer_append(struct arci_buffer *buffer, const void *bytes, size_t length);
void arci_buffer_text(struct arci_buffer *buffer, const char *text);
void arci_buffer_format(struct arci_buffer *buffer, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Drops `length` bytes at the front. */
void arci_buffer_consume(struct arci_buffer *buffer, size_t length);

/* Empties the buffer and clears `failed`; keeps the memory. */
void arci_buffer_clear(struct arci_buffer *buffer);

/* Releases the memory; the buffer is empty and usable afterwards. */
void arci_buffer_release(struct arci_buffer *buffer);

/* As arci_buffer_release(), wiping first. For content that holds secrets. */
void arci_buffer_release_secret(struct arci_buffer *buffer);

/* Gives the text away (NUL-terminated, to be freed) and leaves the buffer empty; NULL when an append has
 * failed. */
char *arci_buffer_take_text(struct arci_buffer *buffer);

#define ARCI_BUFFER ARCI_CLEANUP(arci_buffer_release) struct arci_buffer

#endif
