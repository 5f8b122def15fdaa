/* Growing byte buffer. */
#include "base/buffer.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/secret.h"

/* Not realloc(): it would leave a copy of a secret behind in freed memory. */
static bool grow(struct arci_buffer *buffer, size_t capacity)
{
    uint8_t *data = malloc(capacity);
    if (!data)
        return false;
    if (buffer->data) {
        memcpy(data, buffer->data, buffer->length);
        arci_wipe(buffer->data, buffer->length);
        free(buffer->data);
    }
    buffer->data = data;
    buffer->capacity = capacity;
    return true;
}

static bool reserve(struct arci_buffer *buffer, size_t extra)
{
    size_t needed;
    if (buffer->failed || __builtin_add_overflow(buffer->length, extra, &needed))
        return false;
    if (buffer->limit && needed > buffer->limit)
        return false;
    if (buffer->data && needed < buffer->capacity)
        return true;
    size_t capacity = buffer->capacity ? buffer->capacity : 256;
    while (capacity <= needed) {
        if (__builtin_mul_overflow(capacity, (size_t)2, &capacity))
            return false;
    }
    return grow(buffer, capacity);
}

void arci_buffer_append(struct arci_buffer *buffer, const void *bytes, size_t length)
{
    if (!reserve(buffer, length)) {
        buffer->failed = true;
        return;
    }
    if (length > 0)
        memcpy(buffer->data + buffer->length, bytes, length);
    buffer->length += length;
    buffer->data[buffer->length] = '\0';
}

void arci_buffer_text(struct arci_buffer *buffer, const char *text)
{
    arci_buffer_append(buffer, text, strlen(text));
}

void arci_buffer_format(struct arci_buffer *buffer, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int length = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (length < 0 || !reserve(buffer, (size_t)length)) {
        buffer->failed = true;
        return;
    }
    va_start(arguments, format);
    vsnprintf((char *)buffer->data + buffer->length, (size_t)length + 1, format, arguments);
    va_end(arguments);
    buffer->length += (size_t)length;
}

void arci_buffer_consume(struct arci_buffer *buffer, size_t length)
{
    assert(length <= buffer->length);
    if (length == 0)
        return;
    buffer->length -= length;
    memmove(buffer->data, buffer->data + length, buffer->length);
    buffer->data[buffer->length] = '\0';
}

void arci_buffer_clear(struct arci_buffer *buffer)
{
    buffer->length = 0;
    buffer->failed = false;
    if (buffer->data)
        buffer->data[0] = '\0';
}

void arci_buffer_release(struct arci_buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct arci_buffer){.limit = buffer->limit};
}

void arci_buffer_release_secret(struct arci_buffer *buffer)
{
    if (buffer->data)
        arci_wipe(buffer->data, buffer->capacity);
    arci_buffer_release(buffer);
}

char *arci_buffer_take_text(struct arci_buffer *buffer)
{
    if (!reserve(buffer, 0) || buffer->failed) {
        arci_buffer_release(buffer);
        return NULL;
    }
    buffer->data[buffer->length] = '\0';
    char *text = (char *)buffer->data;
    *buffer = (struct arci_buffer){.limit = buffer->limit};
    return text;
}
