/* Percent-decoding and lists of name=value pairs, as query strings and form bodies carry them. Bytes from
 * outside: all bounded. */
#ifndef ARCI_REST_PAIRS_H
#define ARCI_REST_PAIRS_H

#include <stdbool.h>
#include <stddef.h>

#include <arctic/error.h>

#define ARCI_PAIRS_MAX 32

/* Names and values point into the text that was parsed. Zero-initialised it is empty. */
struct arci_pairs {
    struct {
        const char *name;
        const char *value;
    } items[ARCI_PAIRS_MAX];
    size_t count;
};

/*
 * Decodes %XX (and, with `plus_is_space`, '+') in place. Refuses what no name or value may hold: broken
 * escapes, control characters, NUL and anything that is not UTF-8.
 */
bool arci_percent_decode(char *text, bool plus_is_space);

/*
 * Splits and decodes "a=1&b=2" in place (the WHATWG form encoding). A name that comes twice is an error:
 * which of the two holds would be a guess. `what` names the text in messages. Errors:
 * ARCTIC_E_INVALID_REQUEST.
 */
int arci_pairs_parse(char *text, const char *what, struct arci_pairs *ret_pairs, struct arctic_error *error);

/* Value of a name, NULL where it is absent. */
const char *arci_pairs_get(const struct arci_pairs *pairs, const char *name);

/* Fails with ARCTIC_E_INVALID_REQUEST on the first name that is not in `names` (parted by commas, "": none). */
int arci_pairs_check(const struct arci_pairs *pairs, const char *names, const char *what,
                     struct arctic_error *error);

#endif
