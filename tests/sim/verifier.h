/*
 * Signatures, checked once in a process: the peers of a simulation show each other the same bodies, thousands of times. What is the same
 * body in memory, under the same members and the same key, has the same answer.
 */
#ifndef ARCTIC_TESTS_SIM_VERIFIER_H
#define ARCTIC_TESTS_SIM_VERIFIER_H

#include "cluster/record.h"

/* As arci_record_verify(). */
int sim_verify(const struct arci_record *record, const uint8_t owner_key[ARCI_KEY_SIZE],
               struct arctic_error *error);

/* Forgets all, at the end of a simulation. */
void sim_verifier_forget(void);

#endif
