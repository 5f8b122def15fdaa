/* Members that several objects share in JSON: addresses, ids and times as text, absent values as null. */
#ifndef ARCI_MODEL_MEMBERS_H
#define ARCI_MODEL_MEMBERS_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include <arctic/address.h>
#include <arctic/error.h>
#include <arctic/id.h>

#include "model/name.h"

/* Writers; each returns false when memory runs out. An empty text, an absent prefix and time 0 become null.
 */
bool arci_put_text(json_t *object, const char *name, const char *text);
bool arci_put_integer(json_t *object, const char *name, int64_t number);
bool arci_put_boolean(json_t *object, const char *name, bool value);
bool arci_put_cidr(json_t *object, const char *name, const struct arctic_cidr *cidr);
bool arci_put_time(json_t *object, const char *name, int64_t milliseconds);

/* A duration of microseconds as a real number of milliseconds; null below 0, which means that it is not known. */
bool arci_put_milliseconds(json_t *object, const char *name, int64_t microseconds);

/*
 * Readers beside those of base/json.h, with their rules for absent members. Errors: ARCTIC_E_INVALID_CIDR for
 * a prefix, otherwise ARCTIC_E_INVALID_REQUEST, with the member in `field`.
 */
int arci_read_id(const json_t *object, const char *name, bool required, int32_t kind,
                 struct arctic_id *ret_id, struct arctic_error *error);
int arci_read_name(const json_t *object, bool required, char ret_name[ARCI_NAME_SIZE],
                   struct arctic_error *error); /* the member "name", see model/name.h */
int arci_read_time(const json_t *object, const char *name, bool required, int64_t *ret_milliseconds,
                   struct arctic_error *error);

/* Parses a prefix (arctic_cidr_parse, arctic_cidr_parse_host). Unlike other optional members, null is read:
 * as no prefix. */
typedef int (*arci_cidr_parser)(const char *text, struct arctic_cidr *ret_cidr, struct arctic_error *error);
int arci_read_cidr(const json_t *object, const char *name, arci_cidr_parser parse,
                   struct arctic_cidr *ret_cidr, struct arctic_error *error);

/*
 * For partial updates, where a member left out keeps its value: fails with ARCTIC_E_INVALID_REQUEST for a
 * null in any member but the `clearable` ones (ended by NULL).
 */
int arci_refuse_null(const json_t *object, const char *const *clearable, struct arctic_error *error);

#endif
