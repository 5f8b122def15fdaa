/* Framing of control messages. */
#include "cluster/message.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

int arci_message_append_text(struct arci_buffer *buffer, const char *text, size_t length,
                             struct arctic_error *error)
{
    if (length > UINT32_MAX ||
        (buffer->limit && buffer->length + length + ARCI_MESSAGE_HEADER > buffer->limit))
        return arci_fail(error, ARCTIC_E_LIMIT, NULL, "a message of %zu bytes does not fit into the queue",
                         length);
    uint8_t header[ARCI_MESSAGE_HEADER];
    for (int i = 0; i < ARCI_MESSAGE_HEADER; i++)
        header[i] = (uint8_t)(length >> (24 - 8 * i));
    arci_buffer_append(buffer, header, sizeof header);
    arci_buffer_append(buffer, text, length);
    return buffer->failed ? arci_fail_memory(error) : ARCTIC_OK;
}

int arci_message_append(struct arci_buffer *buffer, const json_t *message, struct arctic_error *error)
{
    ARCI_FREE char *text = arci_json_canonical(message);
    return text ? arci_message_append_text(buffer, text, strlen(text), error) : arci_fail_memory(error);
}

int arci_message_take_text(struct arci_buffer *buffer, size_t limit, size_t shortest, char **ret_text,
                           size_t *ret_length, struct arctic_error *error)
{
    size_t length = 0;
    *ret_text = NULL;
    if (buffer->length < ARCI_MESSAGE_HEADER)
        return ARCTIC_OK;
    for (int i = 0; i < ARCI_MESSAGE_HEADER; i++)
        length = length << 8 | buffer->data[i];
    if (length < shortest || length > limit || buffer->length < ARCI_MESSAGE_HEADER + length)
        return ARCTIC_OK;
    char *text = malloc(length + 1);
    if (!text)
        return arci_fail_memory(error);
    memcpy(text, buffer->data + ARCI_MESSAGE_HEADER, length);
    text[length] = '\0';
    arci_buffer_consume(buffer, ARCI_MESSAGE_HEADER + length);
    *ret_text = text;
    *ret_length = length;
    return ARCTIC_OK;
}

int arci_message_take(struct arci_buffer *buffer, size_t limit, json_t **ret_message,
                      struct arctic_error *error)
{
    *ret_message = NULL;
    if (buffer->length < ARCI_MESSAGE_HEADER)
        return ARCTIC_OK;
    size_t length = 0;
    for (int i = 0; i < ARCI_MESSAGE_HEADER; i++)
        length = length << 8 | buffer->data[i];
    if (length > limit)
        return arci_fail(error, ARCTIC_E_PROTOCOL, NULL, "a message of %zu bytes is over the limit of %zu",
                         length, limit);
    if (buffer->length < ARCI_MESSAGE_HEADER + length)
        return ARCTIC_OK;
    int code = arci_json_parse(buffer->data + ARCI_MESSAGE_HEADER, length, ret_message, error);
    arci_buffer_consume(buffer, ARCI_MESSAGE_HEADER + length);
    if (code == ARCTIC_E_INVALID_REQUEST)
        return arci_fail_within(error, ARCTIC_E_PROTOCOL, "control message");
    return code;
}
