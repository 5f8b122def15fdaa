/* YAML as a notation for the same values as JSON: read for the configuration file, written for it and as output. */
#ifndef CLI_YAML_H
#define CLI_YAML_H

#include "cli/support.h"

#define CLI_YAML_MAX (1024 * 1024) /* bytes of a file */
#define CLI_REAL_DIGITS 9          /* of a number with a fraction, in YAML and in JSON: 0.795 stays 0.795 */

/*
 * Reads one document: mappings with text keys, sequences, and scalars of YAML's core schema (null, booleans,
 * integers; everything else is text). No anchors, aliases or tags; a key that comes twice is an error.
 * `name` stands for the text in messages. Errors: ARCTIC_E_INVALID_REQUEST with line and column,
 * ARCTIC_E_NO_MEMORY.
 */
int cli_yaml_parse(const char *text, size_t length, const char *name, json_t **ret_value,
                   struct arctic_error *error);

/* Writes a value in block style. Errors: ARCTIC_E_SYSTEM, ARCTIC_E_NO_MEMORY. */
int cli_yaml_write(FILE *stream, const json_t *value, struct arctic_error *error);

#endif
