/* The status of a cluster for people; programs read the JSON. */
#include "cli/cluster-status.h"

#include <string.h>
#include <time.h>

#include "cli/ago.h"
#include "cli/output.h"
#include "cli/text.h"

/* More peers than this are counted, not named: the table has them all. */
#define NAMED_MAX 5

/* By the clock of the agent, which the other times are of too. */
static int64_t read_now(const json_t *status)
{
    int64_t now;
    return cli_ago_read(cli_json_text(status, "timestamp"), &now) ? now : (int64_t)time(NULL);
}

static bool is_on(const json_t *peer, const char *member)
{
    return json_is_true(json_object_get(peer, member));
}

/* --- The sentence. ---------------------------------------------------------------------------------------------------------- */

static const char *label_of(const json_t *peer)
{
    const char *name = cli_json_text(peer, "name");
    return *name ? name : cli_json_text(peer, "id");
}

/* Which kinds of records differ in number, as " (services 41, here 42)"; "" where none does. */
static char *differing_counts(const json_t *status, const json_t *peer)
{
    static const char *const kinds[][2] = {{"peer", "peers"},
                                           {"service", "services"},
                                           {"credential", "credentials"},
                                           {"revocation", "revocations"}};
    const json_t *theirs = json_object_get(peer, "records");
    const json_t *ours = json_object_get(status, "records");
    char *text = strdup("");
    bool any = false;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0] && text; i++) {
        const json_t *there = json_object_get(theirs, kinds[i][0]);
        const json_t *here = json_object_get(ours, kinds[i][0]);
        if (!there || !here || json_equal(there, here))
            continue;
        CLI_FREE char *before = text;
        text = cli_format("%s%s%s %lld, here %lld", before, any ? "; " : " (", kinds[i][1],
                          (long long)json_integer_value(there), (long long)json_integer_value(here));
        any = true;
    }
    CLI_FREE char *inner = text;
    return !any || !text ? cli_steal(inner) : cli_format("%s)", inner);
}

/* What is wrong with one peer; NULL when memory runs out, "" where nothing is. */
static char *complaint(const json_t *status, const json_t *peer, int64_t now)
{
    if (is_on(peer, "converged"))
        return strdup("");
    if (!is_on(peer, "reachable")) {
        CLI_FREE char *seen = cli_ago_text(cli_json_text(peer, "last_seen_at"), now, " ago", "never");
        return seen ? cli_format("%s out of reach, last seen %s", label_of(peer), seen) : NULL;
    }
    const char *since_text = cli_json_text(peer, "differs_since");
    if (!*since_text)
        return cli_format("%s has not said yet what it holds", label_of(peer));
    CLI_FREE char *since = cli_ago_text(since_text, now, "", "?");
    CLI_FREE char *counts = differing_counts(status, peer);
    return since && counts ? cli_format("%s differs for %s%s", label_of(peer), since, counts) : NULL;
}

/* Appends a part to a sentence that is taken over. */
static char *join(char *sentence, const char *separator, const char *part)
{
    CLI_FREE char *before = sentence;
    return before && part ? cli_format("%s%s%s", before, separator, part) : NULL;
}

static char *add_complaints(char *sentence, const json_t *status)
{
    const json_t *peers = json_object_get(status, "peers");
    int64_t now = read_now(status);
    size_t named = 0;
    size_t unnamed = 0;
    for (size_t i = 0; i < json_array_size(peers); i++) {
        CLI_FREE char *text = complaint(status, json_array_get(peers, i), now);
        if (text && !*text)
            continue;
        if (named == NAMED_MAX) {
            unnamed++;
            continue;
        }
        named++;
        sentence = join(sentence, "; ", text);
    }
    CLI_FREE char *rest = cli_format("%zu more, see below", unnamed);
    return unnamed ? join(sentence, "; ", rest) : sentence;
}

/* Half a minute: by more than a minute records are refused. */
#define CLOCK_MS 30000

static char *add_clocks(char *sentence, const json_t *status)
{
    const json_t *peers = json_object_get(status, "peers");
    size_t named = 0;
    for (size_t i = 0; i < json_array_size(peers) && named < NAMED_MAX; i++) {
        const json_t *peer = json_array_get(peers, i);
        long long ahead = json_integer_value(json_object_get(peer, "clock_ahead_ms"));
        if (llabs(ahead) <= CLOCK_MS)
            continue;
        CLI_FREE char *text = cli_format("the clock of %s is %lld s %s this agent's", label_of(peer),
                                         llabs(ahead) / 1000, ahead > 0 ? "ahead of" : "behind");
        sentence = join(sentence, "; ", text);
        named++;
    }
    return sentence;
}

static char *add_discovered(char *sentence, const json_t *status)
{
    const json_t *discovered = json_object_get(status, "discovered");
    size_t count = json_array_size(discovered);
    for (size_t i = 0; i < count && i < NAMED_MAX; i++) {
        CLI_FREE char *text = cli_format("%s is known by hearsay and could not be met",
                                         label_of(json_array_get(discovered, i)));
        sentence = join(sentence, "; ", text);
    }
    CLI_FREE char *rest = cli_format("%zu more of that kind", count > NAMED_MAX ? count - NAMED_MAX : 0);
    return count > NAMED_MAX ? join(sentence, "; ", rest) : sentence;
}

char *cli_cluster_verdict(const json_t *status)
{
    const json_t *peers = json_object_get(status, "peers");
    size_t count = json_array_size(peers);
    size_t reachable = 0;
    size_t agreeing = 0;
    for (size_t i = 0; i < count; i++) {
        reachable += is_on(json_array_get(peers, i), "reachable");
        agreeing += is_on(json_array_get(peers, i), "converged");
    }
    char *sentence;
    if (count == 0)
        sentence = strdup("This agent has no peers");
    else if (agreeing == count)
        sentence = cli_format("Converged: %s reachable, and hold%s the same records",
                              count == 1 ? "the one peer is" : "all peers are", count == 1 ? "s" : "");
    else
        sentence = cli_format("Not converged: %zu of %zu peers reachable, %zu hold%s the same records",
                              reachable, count, agreeing, agreeing == 1 ? "s" : "");
    sentence = add_complaints(sentence, status);
    sentence = add_clocks(sentence, status);
    return add_discovered(sentence, status);
}

/* --- The table. ------------------------------------------------------------------------------------------------------------- */

static char *converged_text(const json_t *peer, int64_t now)
{
    if (is_on(peer, "converged"))
        return strdup("yes");
    if (!is_on(peer, "reachable"))
        return strdup("-");
    CLI_FREE char *since = cli_ago_text(cli_json_text(peer, "differs_since"), now, "", "");
    if (!since || !*since)
        return strdup("-");
    return cli_format("no, for %s", since);
}

static void free_cells(char **cells, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(cells[i]);
}

static void add_row(struct cli_table *table, const json_t *peer, int64_t now)
{
    const json_t *records = json_object_get(peer, "records");
    char *cells[] = {
        cli_scalar_text(json_object_get(peer, "id")),
        cli_scalar_text(json_object_get(peer, "name")),
        cli_scalar_text(json_object_get(peer, "reachable")),
        cli_ago_text(cli_json_text(peer, "last_seen_at"), now, " ago", "never"),
        cli_scalar_text(json_object_get(peer, "rtt_ms")),
        converged_text(peer, now),
        cli_scalar_text(json_object_get(peer, "version")),
        cli_scalar_text(json_object_get(records, "service")),
        cli_scalar_text(json_object_get(records, "credential")),
        cli_scalar_text(json_object_get(peer, "registry_hash")),
    };
    size_t count = sizeof cells / sizeof cells[0];
    for (size_t i = 0; i < count; i++)
        table->failed = table->failed || !cells[i];
    if (!table->failed)
        cli_table_row(table, (const char *const *)cells);
    free_cells(cells, count);
}

static int print_peers(const json_t *status, struct arctic_error *error)
{
    static const char *const columns[] = {"ID",          "NAME",          "REACHABLE", "LAST_SEEN",
                                          "RTT_MS",      "CONVERGED",     "VERSION",   "SERVICES",
                                          "CREDENTIALS", "REGISTRY_HASH", NULL};
    const json_t *peers = json_object_get(status, "peers");
    struct cli_table table = {.table = NULL};
    int64_t now = read_now(status);
    cli_table_begin(&table, columns, true);
    for (size_t i = 0; i < json_array_size(peers); i++)
        add_row(&table, json_array_get(peers, i), now);
    return cli_table_end(&table, stdout, error);
}

int cli_cluster_print_status(const json_t *status, struct arctic_error *error)
{
    CLI_FREE char *verdict = cli_cluster_verdict(status);
    if (!verdict)
        return cli_fail_memory(error);
    cli_make_harmless(verdict);
    printf("%s.\n\n", verdict);
    int code = cli_print_members(stdout, status, error);
    if (code < 0)
        return code;
    puts("");
    return print_peers(status, error);
}
