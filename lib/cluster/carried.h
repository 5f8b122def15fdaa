/*
 * The control messages that carry a request of the API to the peer that owns what it is about, and the answer back:
 *
 *   {"type":"request","id":1,"method":"PUT","target":"/v1/services/svc_...","authorization":"Bearer ...","body":"{...}"}
 *   {"type":"response","id":1,"status":200,"content_type":"application/json","body":"{...}"}
 *
 * Pure: messages in, structs out, and the other way round. What is read comes from another host and is bounded here.
 */
#ifndef ARCI_CLUSTER_CARRIED_H
#define ARCI_CLUSTER_CARRIED_H

#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

#define ARCI_CARRIED_METHOD_MAX 15
#define ARCI_CARRIED_TARGET_MAX 4096
#define ARCI_CARRIED_AUTHORIZATION_MAX 16384
#define ARCI_CARRIED_CONTENT_TYPE_MAX 100

/* Texts are borrowed: from the caller when it is written, from the message when it was read. */
struct arci_carried_request {
    int64_t id; /* 1..2^53, of the sender's choice; comes back with the answer */
    const char *method;
    const char *target;        /* path and query */
    const char *authorization; /* header of that name; NULL for none */
    const char *body;          /* UTF-8; NULL for none */
    size_t body_length;
};

struct arci_carried_response {
    int64_t id;
    unsigned status;          /* 200..599 */
    const char *content_type; /* NULL without a body */
    const char *body;         /* UTF-8; NULL for none */
    size_t body_length;
};

/* Errors: ARCTIC_E_NO_MEMORY; ARCTIC_E_INVALID_REQUEST for a body that is no UTF-8 text. */
int arci_carried_request_to_json(const struct arci_carried_request *request, json_t **ret_message,
                                 struct arctic_error *error);
int arci_carried_response_to_json(const struct arci_carried_response *response, json_t **ret_message,
                                  struct arctic_error *error);

/*
 * Read a message of their type. Members that are not known are ignored. Where the message is no good but its id is, *ret holds
 * that, and 0 else. Errors: ARCTIC_E_PROTOCOL.
 */
int arci_carried_request_from_json(const json_t *message, struct arci_carried_request *ret_request,
                                   struct arctic_error *error);
int arci_carried_response_from_json(const json_t *message, struct arci_carried_response *ret_response,
                                    struct arctic_error *error);

/* Bytes that a body takes as a JSON string, with the quotes: what counts against the limit of a message. */
size_t arci_carried_body_size(const char *body, size_t length);

#endif
