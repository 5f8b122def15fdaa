/* Reading a compose file. */
#include "cli/compose-file.h"

#include <string.h>

void cli_compose_file_release(struct cli_compose_file *file)
{
    arctic_compose_free(file->compose);
    free(file->text);
}

int cli_compose_file_given(const struct cli_arguments *arguments, const char **ret_path,
                           struct arctic_error *error)
{
    const char *operand = arguments->operand_count > 0 ? arguments->operands[0] : NULL;
    const char *flag = cli_flag_text(arguments, "file");
    if (operand && flag)
        return cli_fail_usage(error, "two files are named, %.60s and --file %.60s: leave one out", operand,
                              flag);
    *ret_path = operand ? operand : flag;
    return ARCTIC_OK;
}

int cli_compose_file_read(const struct cli_arguments *arguments, struct cli_compose_file *ret_file,
                          struct arctic_error *error)
{
    const char *given = NULL;
    int code = cli_compose_file_given(arguments, &given, error);
    if (code < 0)
        return code;
    CLI_CLEANUP(cli_compose_file_release)
    struct cli_compose_file file = {.path = given ? given : CLI_COMPOSE_DEFAULT};
    file.name = strcmp(file.path, "-") == 0 ? "stdin" : file.path;
    code = cli_read_file(file.path, ARCTIC_COMPOSE_TEXT_MAX, &file.text, error);
    if (code == ARCTIC_E_SYSTEM && !given && access(file.path, F_OK) != 0)
        return cli_fail_usage(
            error, "there is no %s here: name the file, or begin with 'arctic compose init'", file.path);
    if (code == ARCTIC_OK)
        code = arctic_compose_load(file.text, strlen(file.text), &file.compose, error);
    if (code < 0)
        return code;
    *ret_file = file;
    file = (struct cli_compose_file){.path = NULL};
    return ARCTIC_OK;
}

int cli_compose_file_check(const struct cli_compose_file *file, struct arctic_error *error)
{
    size_t count = arctic_compose_fault_count(file->compose);
    for (size_t i = 0; i < count; i++) {
        struct arctic_compose_fault fault = {.size = sizeof fault};
        if (arctic_compose_fault(file->compose, i, &fault, error) == ARCTIC_OK)
            fprintf(stderr, "%s:%llu:%llu: %s\n", file->name, (unsigned long long)fault.line,
                    (unsigned long long)fault.column, fault.message);
    }
    if (count == 0)
        return ARCTIC_OK;
    return cli_fail(error, ARCTIC_E_INVALID_REQUEST, "%s has %zu fault%s", file->name, count,
                    count == 1 ? "" : "s");
}

json_t *cli_compose_file_faults(const struct cli_compose_file *file)
{
    CLI_JSON *array = json_array();
    for (size_t i = 0; array && i < arctic_compose_fault_count(file->compose); i++) {
        struct arctic_compose_fault fault = {.size = sizeof fault};
        struct arctic_error error;
        if (arctic_compose_fault(file->compose, i, &fault, &error) < 0)
            return NULL;
        json_t *object = json_pack("{s:s, s:I, s:I, s:s}", "file", file->name, "line", (json_int_t)fault.line,
                                   "column", (json_int_t)fault.column, "message", fault.message);
        if (json_array_append_new(array, object) < 0)
            return NULL;
    }
    return cli_steal(array);
}

char *cli_compose_file_license(const struct cli_compose_file *file)
{
    const char *license = arctic_compose_license(file->compose);
    const char *slash = strrchr(file->path, '/');
    if (!license)
        return NULL;
    if (license[0] == '/' || !slash)
        return strdup(license);
    return cli_format("%.*s/%s", (int)(slash - file->path), file->path, license);
}
