/* What an operator sees of a cluster: a sentence, and a line for each peer. */
#ifndef CLI_CLUSTER_STATUS_H
#define CLI_CLUSTER_STATUS_H

#include "cli/support.h"

/*
 * The answer of GET /v1/cluster/status in a sentence: whether all hold the same records, and which peers do not, since when. To be freed;
 * NULL when memory runs out.
 */
char *cli_cluster_verdict(const json_t *status);

/* Prints the sentence, the members, and the table of peers. Errors: ARCTIC_E_NO_MEMORY. */
int cli_cluster_print_status(const json_t *status, struct arctic_error *error);

#endif
