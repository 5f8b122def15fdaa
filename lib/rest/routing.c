/* Matching of request paths against a table of some dozens of rows: a linear walk costs less than anything
 * cleverer would. */
#include "rest/routing.h"

#include <string.h>

#include "base/error.h"

/* One segment of a table path; `path` moves behind it. */
struct piece {
    const char *text;
    size_t length;
    bool parameter;
};

static bool next_piece(const char **path, struct piece *ret_piece)
{
    if (**path != '/')
        return false;
    const char *text = *path + 1;
    size_t length = strcspn(text, "/");
    *path = text + length;
    bool parameter = length > 2 && text[0] == '{' && text[length - 1] == '}';
    *ret_piece = (struct piece){.text = parameter ? text + 1 : text,
                                .length = parameter ? length - 2 : length,
                                .parameter = parameter};
    return true;
}

static bool piece_fits(const struct piece *piece, const char *segment)
{
    if (piece->parameter)
        return *segment != '\0';
    return strlen(segment) == piece->length && memcmp(segment, piece->text, piece->length) == 0;
}

static bool path_fits(const char *path, const struct arci_target *target)
{
    struct piece piece;
    size_t index = 0;
    for (; next_piece(&path, &piece); index++) {
        if (index == target->segment_count || !piece_fits(&piece, target->segments[index]))
            return false;
    }
    return index == target->segment_count;
}

/* Of two paths that fit one target: whether `a` is literal where `b` first has a parameter in its place. */
static bool more_literal(const char *a, const char *b)
{
    struct piece in_a, in_b;
    while (next_piece(&a, &in_a) && next_piece(&b, &in_b)) {
        if (in_a.parameter != in_b.parameter)
            return in_b.parameter;
    }
    return false;
}

static void add_allowed(char allow[ARCI_ALLOW_SIZE], const char *method)
{
    const char *names[] = {method, strcmp(method, "GET") == 0 ? "HEAD" : NULL};
    for (size_t i = 0; i < 2 && names[i]; i++) {
        size_t used = strlen(allow);
        if (strstr(allow, names[i]) || used + strlen(names[i]) + 3 > ARCI_ALLOW_SIZE)
            continue;
        if (used > 0)
            strcat(allow, ", ");
        strcat(allow, names[i]);
    }
}

int arci_routing_find(const struct arci_http_endpoint *table, const char *method,
                      const struct arci_target *target, const struct arci_http_endpoint **ret_endpoint,
                      char allow[ARCI_ALLOW_SIZE], struct arctic_error *error)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    const struct arci_http_endpoint *found = NULL;
    allow[0] = '\0';
    for (const struct arci_http_endpoint *row = table; row->method; row++) {
        if (!path_fits(row->path, target))
            continue;
        add_allowed(allow, row->method);
        if (strcmp(row->method, wanted) == 0 && (!found || more_literal(row->path, found->path)))
            found = row;
    }
    if (!found && !allow[0])
        return arci_fail(error, ARCTIC_E_NOT_FOUND, NULL, "no such resource: %.200s", target->path);
    if (!found)
        return arci_fail(error, ARCTIC_E_METHOD_NOT_ALLOWED, NULL,
                         "%.200s does not serve %.20s, it serves %s", target->path, method, allow);
    *ret_endpoint = found;
    return ARCTIC_OK;
}

const char *arci_routing_parameter(const struct arci_http_endpoint *endpoint,
                                   const struct arci_target *target, const char *name)
{
    const char *path = endpoint->path;
    struct piece piece;
    for (size_t index = 0; next_piece(&path, &piece) && index < target->segment_count; index++) {
        if (piece.parameter && strlen(name) == piece.length && memcmp(name, piece.text, piece.length) == 0)
            return target->segments[index];
    }
    return NULL;
}

static bool row_is_sound(const struct arci_http_endpoint *row)
{
    const char *path = row->path;
    struct piece piece;
    size_t pieces = 0;
    while (path && next_piece(&path, &piece))
        pieces++;
    return path && *path == '\0' && pieces > 0 && pieces <= ARCI_TARGET_SEGMENTS && row->handler &&
           row->summary && strlen(row->method) <= 8;
}

int arci_routing_check(const struct arci_http_endpoint *table, struct arctic_error *error)
{
    for (const struct arci_http_endpoint *row = table; row->method; row++) {
        if (!row_is_sound(row))
            return arci_fail(error, ARCTIC_E_USAGE, NULL,
                             "endpoint %s %s: bad path or method, or no handler or summary", row->method,
                             row->path ? row->path : "(none)");
    }
    return ARCTIC_OK;
}
