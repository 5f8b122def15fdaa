/*
 * Compose files as anybody may write them: loading and judging never fails otherwise than by faults with a place in the text, and what
 * can be laid out keeps data and comments, and stays as it is at a second time.
 */
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <string.h>

#include "tests/unit/compose-checks.h"

static void check_faults(const struct arctic_compose *compose)
{
    uint64_t line = 1;
    for (size_t i = 0; i < arctic_compose_fault_count(compose); i++) {
        struct arctic_compose_fault fault = {.size = sizeof fault};
        assert(arctic_compose_fault(compose, i, &fault, NULL) == ARCTIC_OK);
        assert(fault.line >= line && fault.line <= compose->source.line_count && fault.column >= 1 &&
               fault.message[0]);
        line = fault.line;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arctic_compose *compose = NULL;
    char *text = malloc(size + 1);
    assert(text);
    memcpy(text, data, size);
    text[size] = '\0';
    assert(arctic_compose_load(text, size, &compose, NULL) == ARCTIC_OK);
    check_faults(compose);
    arctic_compose_free(compose);
    if (strlen(text) == size)
        compose_check_layout(text);
    free(text);
    return 0;
}
