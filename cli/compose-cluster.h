/* Which cluster a compose file is about, and what of it goes to the configuration file. */
#ifndef CLI_COMPOSE_CLUSTER_H
#define CLI_COMPOSE_CLUSTER_H

#include "cli/compose-file.h"

/*
 * The client of the file's cluster: that of --url or --cluster, else the one that has a peer's address as an endpoint, or https on its
 * host, else the current one where a peer of the file is known in it by name. *ret_client is NULL where there is none. Errors: those of
 * cli_client().
 */
int cli_compose_client(struct cli *cli, const struct cli_compose_file *file,
                       struct arctic_client **ret_client, struct arctic_error *error);

/*
 * Saves what the bootstrap of a peer gave. `license` is the text of its licence, `cluster_endpoint` an endpoint of the cluster that it is
 * added to next, so that a run that is cut in between goes on there; NULL where the cluster begins with it. Errors: those of
 * cli_config_change().
 */
int cli_compose_save(struct cli *cli, const struct arctic_compose_bootstrap *bootstrap, const char *license,
                     const char *cluster_endpoint, struct arctic_error *error);

/* Notes which peers have become one cluster with the agent at `endpoint`. Failures are told. */
void cli_compose_join(struct cli *cli, const char *endpoint);

#endif
