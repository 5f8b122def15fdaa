/* Framing of control messages: four bytes of length, high byte first, then one JSON object of that many bytes. */
#ifndef ARCI_CLUSTER_MESSAGE_H
#define ARCI_CLUSTER_MESSAGE_H

#include "base/buffer.h"
#include "base/json.h"

#define ARCI_MESSAGE_HEADER 4

/* Appends a message to a buffer. Errors: ARCTIC_E_LIMIT when the buffer's limit is reached, ARCTIC_E_NO_MEMORY. */
int arci_message_append(struct arci_buffer *buffer, const json_t *message, struct arctic_error *error);

/* The same for a message that is text already. */
int arci_message_append_text(struct arci_buffer *buffer, const char *text, size_t length,
                             struct arctic_error *error);

/*
 * Takes the text of the first message (NUL-terminated, to be freed) where it is there as a whole and has `shortest` bytes or more, else
 * *ret_text is NULL; one beyond the limit is left to arci_message_take(). Errors: ARCTIC_E_NO_MEMORY.
 */
int arci_message_take_text(struct arci_buffer *buffer, size_t limit, size_t shortest, char **ret_text,
                           size_t *ret_length, struct arctic_error *error);

/*
 * Takes the first message out of what was received. *ret_message is NULL while it is not there as a whole. `limit` is the longest
 * JSON text accepted, and is judged by the header alone. Errors: ARCTIC_E_PROTOCOL, ARCTIC_E_NO_MEMORY.
 */
int arci_message_take(struct arci_buffer *buffer, size_t limit, json_t **ret_message,
                      struct arctic_error *error);

#endif
