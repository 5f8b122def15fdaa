#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/nft-model.h"

static size_t find(const struct nft_model *model, const char *row)
{
    size_t i = 0;
    while (i < model->count && strcmp(model->rows[i], row) != 0)
        i++;
    return i;
}

size_t nft_model_count(const struct nft_model *model, const char *prefix)
{
    size_t count = 0;
    for (size_t i = 0; i < model->count; i++)
        count += strncmp(model->rows[i], prefix, strlen(prefix)) == 0;
    return count;
}

static void add(struct nft_model *model, const char *row)
{
    model->rows = realloc(model->rows, (model->count + 1) * sizeof *model->rows);
    assert_non_null(model->rows);
    model->rows[model->count++] = strdup(row);
}

static void add_new(struct nft_model *model, const char *row)
{
    if (find(model, row) < model->count)
        fail_msg("there already: %s", row);
    add(model, row);
}

static void drop(struct nft_model *model, size_t index)
{
    free(model->rows[index]);
    memmove(model->rows + index, model->rows + index + 1, (--model->count - index) * sizeof *model->rows);
}

static void drop_row(struct nft_model *model, const char *row)
{
    size_t index = find(model, row);
    if (index == model->count)
        fail_msg("not there: %s", row);
    drop(model, index);
}

static void drop_rules(struct nft_model *model, const char *chain)
{
    char prefix[96];
    snprintf(prefix, sizeof prefix, "rule %s ", chain);
    for (size_t i = model->count; i-- > 0;) {
        if (strncmp(model->rows[i], prefix, strlen(prefix)) == 0)
            drop(model, i);
    }
}

/* Whether a rule or an element names it, as "goto X", "jump X", "@X" or "name "X"". */
static bool is_referred_to(const struct nft_model *model, const char *how, const char *name)
{
    char needle[80];
    snprintf(needle, sizeof needle, "%s%s", how, name);
    for (size_t i = 0; i < model->count; i++) {
        bool refers = strncmp(model->rows[i], "rule", 4) == 0 || strncmp(model->rows[i], "element", 7) == 0;
        const char *found = refers ? strstr(model->rows[i], needle) : NULL;
        if (found &&
            !strchr("0123456789_abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ", found[strlen(needle)]))
            return true;
        if (found && found[strlen(needle)] == '\0')
            return true;
    }
    return false;
}

static void delete_object(struct nft_model *model, const char *kind, const char *name)
{
    char row[96];
    char elements[96];
    snprintf(row, sizeof row, "%s %s", kind, name);
    snprintf(elements, sizeof elements, "element %s ", name);
    if (is_referred_to(model, "goto ", name) || is_referred_to(model, "jump ", name) ||
        is_referred_to(model, "@", name) || is_referred_to(model, "name \"", name) ||
        nft_model_count(model, elements))
        fail_msg("still in use: %s", row);
    drop_row(model, row);
}

static void assert_target(const struct nft_model *model, const char *element)
{
    char row[96];
    const char *verdict = strstr(element, ": ");
    assert_non_null(verdict);
    snprintf(row, sizeof row, "chain %.80s", strrchr(verdict, ' ') + 1);
    if (find(model, row) == model->count)
        fail_msg("leads nowhere: %s", element);
}

static bool is_there(const struct nft_model *model, const char *kind, const char *name)
{
    char row[96];
    snprintf(row, sizeof row, "%s %.64s", kind, name);
    return find(model, row) < model->count;
}

/* "NAME { a : goto x, b : goto y }" of a map, over several lines, or "NAME { a, b }" of a set. */
static void change_elements(struct nft_model *model, bool adding, char *text)
{
    char row[256];
    char *saved = NULL;
    char *name = strtok_r(text, " ", &saved);
    char *item = strtok_r(NULL, "{,}", &saved);
    bool is_map = is_there(model, "map", name);
    assert_true(is_map || is_there(model, "set", name));
    for (; item; item = strtok_r(NULL, ",}", &saved)) {
        item += strspn(item, " \n");
        for (size_t end = strlen(item); end > 0 && strchr(" \n", item[end - 1]); end--)
            item[end - 1] = '\0';
        if (item[0] == '\0')
            continue;
        snprintf(row, sizeof row, "element %s %s", name, item);
        if (is_map)
            assert_target(model, item);
        if (adding)
            add_new(model, row);
        else
            drop_row(model, row);
    }
}

static void run_command(struct nft_model *model, char *command)
{
    char verb[16];
    char kind[16];
    char name[64];
    char row[512];
    int used = 0;
    if (sscanf(command, "%15s %15s inet arctic%n", verb, kind, &used) != 2 || used == 0)
        fail_msg("not understood: %s", command);
    char *rest = command + used;
    if (strcmp(kind, "table") == 0)
        return;
    sscanf(rest, " %63s", name);
    snprintf(row, sizeof row, "%s %s", kind, name);
    if (strcmp(kind, "element") == 0)
        change_elements(model, strcmp(verb, "add") == 0, rest);
    else if (strcmp(kind, "rule") == 0)
        snprintf(row, sizeof row, "rule%.500s", rest), add(model, row);
    else if (strcmp(verb, "flush") == 0)
        drop_rules(model, name);
    else if (strcmp(verb, "delete") == 0)
        delete_object(model, kind, name);
    else
        add_new(model, row);
}

void nft_model_run(struct nft_model *model, const char *commands)
{
    char *text = strdup(commands);
    for (char *at = text; *at;) {
        size_t length = strcspn(at, "\n");
        bool elements = strncmp(at, "add element", 11) == 0 || strncmp(at, "delete element", 14) == 0;
        char *end = elements ? strchr(at, '}') + 1 : at + length;
        char kept = *end;
        *end = '\0';
        run_command(model, at);
        at = end + (kept != '\0');
    }
    free(text);
}

void nft_model_release(struct nft_model *model)
{
    for (size_t i = 0; i < model->count; i++)
        free(model->rows[i]);
    free(model->rows);
    *model = (struct nft_model){0};
}

static void assert_rules_equal(const struct nft_model *a, const struct nft_model *b, const char *chain)
{
    char prefix[96];
    size_t j = 0;
    snprintf(prefix, sizeof prefix, "rule %s ", chain);
    for (size_t i = 0; i < a->count; i++) {
        if (strncmp(a->rows[i], prefix, strlen(prefix)) != 0)
            continue;
        while (j < b->count && strncmp(b->rows[j], prefix, strlen(prefix)) != 0)
            j++;
        assert_true(j < b->count);
        assert_string_equal(a->rows[i], b->rows[j++]);
    }
}

void nft_model_assert_equal(const struct nft_model *a, const struct nft_model *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        if (find(b, a->rows[i]) == b->count)
            fail_msg("only in one: %s", a->rows[i]);
        if (strncmp(a->rows[i], "chain ", 6) == 0)
            assert_rules_equal(a, b, a->rows[i] + 6);
    }
}
