/* Documents: loading with all checks, faults, layout. */
#include "compose/document.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "base/options.h"
#include "compose/format.h"

ARCI_DEFINE_CLEANUP(struct arctic_compose *, arctic_compose_free, compose_cleanup)

static int read_text(struct arctic_compose *compose, const char *text, size_t length,
                     struct arctic_error *error)
{
    int code = arci_source_read(text, length, &compose->source, &compose->faults, error);
    if (code < 0 || compose->faults.count > 0)
        return code;
    code = arci_tree_read(&compose->source, &compose->tree, &compose->faults, error);
    compose->readable = code == ARCTIC_OK && compose->faults.count == 0;
    return code < 0 || !compose->readable
               ? code
               : arci_spec_read(&compose->tree, &compose->spec, &compose->faults, error);
}

int arctic_compose_load(const char *text, size_t length, struct arctic_compose **ret_compose,
                        struct arctic_error *error)
{
    if (!text || !ret_compose)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "text and ret_compose are required");
    if (length > ARCTIC_COMPOSE_TEXT_MAX)
        return arci_fail(error, ARCTIC_E_LIMIT, NULL,
                         "a compose file of %zu bytes is too long, at most %d are allowed", length,
                         ARCTIC_COMPOSE_TEXT_MAX);
    ARCI_CLEANUP(compose_cleanup) struct arctic_compose *compose = calloc(1, sizeof *compose);
    if (!compose)
        return arci_fail_memory(error);
    int code = read_text(compose, text, length, error);
    if (code == ARCTIC_OK && compose->faults.failed)
        code = arci_fail_memory(error);
    if (code < 0)
        return code;
    arci_faults_sort(&compose->faults);
    *ret_compose = arci_steal(compose);
    return ARCTIC_OK;
}

void arctic_compose_free(struct arctic_compose *compose)
{
    if (!compose)
        return;
    arci_spec_release(&compose->spec);
    arci_tree_release(&compose->tree);
    arci_faults_release(&compose->faults);
    arci_source_release(&compose->source);
    free(compose);
}

size_t arctic_compose_fault_count(const struct arctic_compose *compose)
{
    return compose ? compose->faults.count : 0;
}

int arctic_compose_fault(const struct arctic_compose *compose, size_t index,
                         struct arctic_compose_fault *ret_fault, struct arctic_error *error)
{
    if (!compose || !ret_fault)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "compose and ret_fault are required");
    if (index >= compose->faults.count)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL, "there is no fault %zu", index);
    const struct arci_fault *fault = &compose->faults.items[index];
    struct arctic_compose_fault result = {sizeof result, fault->line, fault->column, fault->message};
    return arci_options_give(&result, sizeof result, ret_fault, "arctic_compose_fault", error);
}

int32_t arctic_compose_is_readable(const struct arctic_compose *compose)
{
    return compose && compose->readable;
}

int arctic_compose_format(const struct arctic_compose *compose, char **ret_text, struct arctic_error *error)
{
    if (!compose || !ret_text)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "compose and ret_text are required");
    if (!compose->readable)
        return arci_fail(error, ARCTIC_E_INVALID_REQUEST, NULL,
                         "the text cannot be laid out before its faults are mended");
    return arci_format(&compose->source, &compose->tree, ret_text, error);
}

const char *arctic_compose_license(const struct arctic_compose *compose)
{
    return compose ? compose->spec.license : NULL;
}

size_t arctic_compose_peer_count(const struct arctic_compose *compose)
{
    return compose ? compose->spec.peer_count : 0;
}

int arctic_compose_peer(const struct arctic_compose *compose, size_t index,
                        struct arctic_compose_peer *ret_peer, struct arctic_error *error)
{
    if (!compose || !ret_peer)
        return arci_fail(error, ARCTIC_E_USAGE, NULL, "compose and ret_peer are required");
    if (index >= compose->spec.peer_count)
        return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL, "there is no peer %zu", index);
    const struct arci_spec_peer *peer = &compose->spec.peers[index];
    struct arctic_compose_peer result = {sizeof result, peer->name, peer->address};
    return arci_options_give(&result, sizeof result, ret_peer, "arctic_compose_peer", error);
}

void arctic_compose_free_text(char *text)
{
    free(text);
}
