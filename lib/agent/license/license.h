/*
 * The agent's licence: what it allows now, the watch over its five states (license-watch.c), and its replacement. How the time
 * divides into states: <arctic/license.h>.
 */
#ifndef ARCI_AGENT_LICENSE_H
#define ARCI_AGENT_LICENSE_H

#include "agent/agent-internal.h"

/* Whether the licence allows requests, and changes where `change`. Errors: ARCTIC_E_LICENSE_SUSPENDED, ARCTIC_E_LICENSE_READ_ONLY. */
int arci_license_check_request(const struct arctic_agent *agent, bool change, struct arctic_error *error);

/* Reads the stored licence of a bootstrapped agent. Errors: ARCTIC_E_CORRUPT, ARCTIC_E_LICENSE_INVALID, those of the store. */
int arci_license_load(struct arctic_agent *agent, struct arctic_error *error);

/*
 * Whether a licence takes the place of another one of its customer: it was issued later, or at the same moment (`arctic license issue` goes
 * by whole seconds) with the greater id. Of two different ones just one does, the same at all peers.
 */
bool arci_license_follows(const struct arci_license *license, const struct arci_license *other);

/*
 * Puts a licence, as its file has it, in the place of the present one: on disk first, then its limits and its state hold. One that
 * is there already changes nothing. Errors: ARCTIC_E_LICENSE_INVALID (form, signature, or the present one follows it),
 * ARCTIC_E_LICENSE_MISMATCH (another customer), ARCTIC_E_LICENSE_EXPIRED, those of the store.
 */
int arci_license_replace(struct arctic_agent *agent, const json_t *object, struct arctic_error *error);

/* --- Licences of other peers (license-told.c). ------------------------------------------------------------------------------ */

/*
 * Looks at a licence that another peer's record names, which nobody has verified. Of several licences of one customer the one that was
 * issued last holds at all peers: where it is a later one than the present one it is stored, and holds. Another one, or NULL, changes
 * nothing. What this peer proves to others stays the file that was installed here.
 */
void arci_license_hear(struct arctic_agent *agent, const json_t *document);

/* The state of a licence that a peer's record names; ARCTIC_LICENSE_SUSPENDED for none, or none of this customer that verifies. */
enum arctic_license_state arci_license_told_state(struct arctic_agent *agent, const json_t *document);

/* Looks at the licences of all peers' records, at start. */
void arci_license_hear_all(struct arctic_agent *agent);

/* Lets the peers know which licence holds here, by the own peer record. */
void arci_license_publish(struct arctic_agent *agent);

/* Reads the one that was told before the last stop, where it still is the later one. Errors: those of the store. */
int arci_license_load_told(struct arctic_agent *agent, struct arctic_error *error);

/* The file that was installed here holds again. Errors: those of the store; it holds in memory nevertheless. */
int arci_license_forget_told(struct arctic_agent *agent, struct arctic_error *error);

/* Frees what is in memory. */
void arci_license_forget(struct arctic_agent *agent);

/* The API's form: terms, state, and what is in use. NULL when memory runs out. */
json_t *arci_license_to_json(const struct arctic_agent *agent);

/* Whole days until the licence ends, below 0 once it has. */
int64_t arci_license_days_left(const struct arci_license *license, int64_t now);

/* --- The watch (license-watch.c). ------------------------------------------------------------------------------------------- */

/* Starts to watch; the loop is there. Errors: ARCTIC_E_SYSTEM. */
int arci_license_watch_create(struct arctic_agent *agent, struct arctic_error *error);

/* Looks now, after the licence has changed: notes and logs the state, and lets services follow. */
void arci_license_watch_look(struct arctic_agent *agent);

/* Looks no more; the timer closes while the loop runs on. */
void arci_license_watch_stop(struct arctic_agent *agent);

#endif
