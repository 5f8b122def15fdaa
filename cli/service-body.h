/* From the flags of `services create` and `services update` to the body of the request. */
#ifndef CLI_SERVICE_BODY_H
#define CLI_SERVICE_BODY_H

#include "cli/cli.h"

extern const struct cli_flag cli_service_create_flags[];
extern const struct cli_flag cli_service_update_flags[];

/*
 * Body of POST /v1/services. Peers are resolved to ids. Without --source-peer the source is the cluster's default peer
 * where the configuration knows one, so that it does not depend on which endpoint happens to answer.
 */
int cli_service_create_body(struct cli *cli, const struct cli_arguments *arguments, json_t **ret_body,
                            struct arctic_error *error);

/* Body of PUT /v1/services/{id}. Errors: ARCTIC_E_USAGE without any change. */
int cli_service_update_body(const struct cli_arguments *arguments, json_t **ret_body,
                            struct arctic_error *error);

/* Table of routes, shared with `routes list`. */
int cli_print_routes(const json_t *routes, struct arctic_error *error);

#endif
