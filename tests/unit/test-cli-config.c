/* The configuration file: who may read it, what survives a change, and which endpoints come first. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/config.h"
#include "cli/preferences.h"

static char folder[64];
static char path[96];

static int make_folder(void **state)
{
    (void)state;
    make_temporary_directory(folder, sizeof folder);
    snprintf(path, sizeof path, "%s/sub/config.yaml", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command) == 0 ? 0 : -1;
}

static const struct cli_bootstrap_result first = {.cluster_id = "clu_1",
                                                  .customer_id = "cust_1",
                                                  .client_id = "cli_1",
                                                  .client_secret = "sec_1",
                                                  .peer_id = "peer_1",
                                                  .peer_name = "a",
                                                  .endpoint = "http://10.0.0.1:8080"};

static void load(struct cli_config *config)
{
    struct arctic_error error;
    assert_ok(cli_config_load(path, config, &error), error);
}

static void bootstrap(struct cli_config *config, struct cli_bootstrap_result result)
{
    struct arctic_error error;
    assert_ok(cli_config_change(config, true, cli_config_save_bootstrap, &result, &error), error);
}

static void write_file(const char *text, mode_t mode)
{
    char parent[96];
    snprintf(parent, sizeof parent, "%s/sub", folder);
    mkdir(parent, 0700);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static mode_t mode_of(const char *name)
{
    struct stat status;
    assert_int_equal(stat(name, &status), 0);
    return status.st_mode & 0777;
}

static void test_bootstrap_is_saved(void **state)
{
    (void)state;
    struct cli_config config;
    json_t *cluster = NULL;
    mode_t before = umask(0);
    load(&config);
    assert_int_equal(cli_config_cluster(&config, NULL, &cluster, NULL), ARCTIC_OK);
    assert_null(cluster);
    bootstrap(&config, first);
    umask(before);
    cli_config_release(&config);

    assert_int_equal(mode_of(path), 0600);
    load(&config);
    assert_int_equal(cli_config_cluster(&config, NULL, &cluster, NULL), ARCTIC_OK);
    assert_string_equal(cli_json_text(cluster, "cluster_id"), "clu_1");
    assert_string_equal(cli_json_text(cluster, "client_secret"), "sec_1");
    assert_string_equal(cli_json_text(cluster, "default_peer"), "peer_1");
    struct cli_endpoint endpoints[CLI_ENDPOINTS_MAX];
    assert_int_equal(cli_config_endpoints(cluster, NULL, endpoints), 1);
    assert_string_equal(endpoints[0].url, "http://10.0.0.1:8080");
    assert_ptr_equal(cli_config_cluster_of_endpoint(&config, "http://10.0.0.1:8080"), cluster);
    assert_null(cli_config_cluster_of_endpoint(&config, "http://10.0.0.2:8080"));
    cluster = NULL;
    assert_int_equal(cli_config_cluster(&config, "a", &cluster, NULL), ARCTIC_OK);
    assert_string_equal(cli_json_text(cluster, "cluster_id"), "clu_1");
    cli_config_release(&config);
}

static void test_unknown_keys_and_other_clusters_survive(void **state)
{
    (void)state;
    struct cli_config config;
    struct arctic_error error;
    json_t *cluster = NULL;
    write_file("# comment\nfuture_key: [1, two]\ncurrent_cluster: clu_0\nclusters:\n  clu_0: {cluster_id: "
               "clu_0, name: old}\n",
               0600);
    load(&config);
    bootstrap(&config, first);
    assert_int_equal(json_array_size(json_object_get(config.root, "future_key")), 2);
    assert_int_equal(cli_config_cluster(&config, "old", &cluster, &error), ARCTIC_OK);
    assert_string_equal(cli_json_text(cluster, "cluster_id"), "clu_0");
    assert_int_equal(cli_config_cluster(&config, NULL, &cluster, &error), ARCTIC_OK);
    assert_string_equal(cli_json_text(cluster, "cluster_id"), "clu_1");
    assert_int_equal(cli_config_cluster(&config, "none", &cluster, &error), ARCTIC_E_NOT_FOUND);
    cli_config_release(&config);
}

static void test_an_endpoint_is_that_of_the_newest_agent_there(void **state)
{
    (void)state;
    struct cli_config config;
    struct cli_bootstrap_result again = first;
    again.cluster_id = "clu_0";
    again.peer_id = "peer_2";
    load(&config);
    bootstrap(&config, first);
    bootstrap(&config, again);
    cli_config_release(&config);
    load(&config);
    const json_t *cluster = cli_config_cluster_of_endpoint(&config, first.endpoint);
    assert_string_equal(cli_json_text(cluster, "cluster_id"), "clu_0");
    cli_config_release(&config);
}

static void change(int (*function)(json_t *, void *, struct arctic_error *), void *context,
                   struct cli_config *config)
{
    struct arctic_error error;
    load(config);
    assert_ok(cli_config_change(config, true, function, context, &error), error);
}

static void test_old_copies_are_kept(void **state)
{
    (void)state;
    struct cli_config config;
    char copy[128];
    write_file("preferences: {backup_retention: 2}\n", 0600);
    load(&config);
    for (int i = 0; i < 4; i++) {
        struct cli_bootstrap_result result = first;
        char id[16];
        snprintf(id, sizeof id, "clu_%d", i);
        result.cluster_id = id;
        bootstrap(&config, result);
    }
    cli_config_release(&config);
    static const struct {
        const char *suffix;
        const char *current;
    } copies[] = {{"", "clu_3"}, {".1", "clu_2"}, {".2", "clu_1"}};
    char original[96];
    memcpy(original, path, sizeof original);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%.80s%s", original, copies[i].suffix);
        assert_int_equal(mode_of(path), 0600);
        load(&config);
        assert_string_equal(cli_json_text(config.root, "current_cluster"), copies[i].current);
        cli_config_release(&config);
    }
    memcpy(path, original, sizeof path);
    snprintf(copy, sizeof copy, "%s.3", path);
    assert_int_not_equal(access(copy, F_OK), 0);

    /* Fewer are wanted now; what only says which endpoint answered leaves them alone. */
    struct cli_preference none = {.name = "backup_retention", .value = json_integer(0)};
    struct cli_answered answered = {.key = "clu_3", .endpoint = "http://nowhere"};
    change(cli_config_set_preference, &none, &config);
    struct arctic_error error;
    snprintf(copy, sizeof copy, "%s.1", path);
    assert_int_not_equal(access(copy, F_OK), 0);
    write_file("preferences: {backup_retention: 0}\n", 0600);
    FILE *kept = fopen(copy, "w");
    assert_true(kept && fclose(kept) == 0);
    assert_ok(cli_config_change(&config, false, cli_config_remember_endpoint, &answered, &error), error);
    assert_int_equal(access(copy, F_OK), 0);
    cli_config_release(&config);
    json_decref(none.value);
}

static void test_endpoints_in_order_and_the_last_good_one_first(void **state)
{
    (void)state;
    struct cli_config config;
    struct arctic_error error;
    json_t *cluster = NULL;
    struct cli_endpoint endpoints[CLI_ENDPOINTS_MAX];
    write_file("clusters:\n  clu_1:\n    cluster_id: clu_1\n    default_peer: peer_2\n    peers:\n"
               "    - {peer_id: peer_1, endpoints: ['http://a']}\n"
               "    - {peer_id: peer_2, endpoints: ['http://b', 'http://c']}\n",
               0600);
    load(&config);
    assert_int_equal(cli_config_cluster(&config, "clu_1", &cluster, &error), ARCTIC_OK);
    assert_int_equal(cli_config_endpoints(cluster, NULL, endpoints), 3);
    assert_string_equal(endpoints[0].url, "http://b");
    assert_string_equal(endpoints[2].url, "http://a");
    struct cli_answered answered = {.key = "clu_1", .endpoint = "http://c"};
    assert_ok(cli_config_change(&config, false, cli_config_remember_endpoint, &answered, &error), error);
    assert_int_equal(cli_config_cluster(&config, "clu_1", &cluster, &error), ARCTIC_OK);
    assert_int_equal(cli_config_endpoints(cluster, NULL, endpoints), 3);
    assert_string_equal(endpoints[0].url, "http://c");
    assert_string_equal(endpoints[1].url, "http://b");
    cli_config_release(&config);
}

static const char two_clusters[] =
    "current_cluster: clu_2\nclusters:\n"
    "  clu_1: {cluster_id: clu_1, client_id: cli_1, client_secret: sec_1, default_peer: peer_1, mine: 1,\n"
    "          peers: [{peer_id: peer_1, name: a, endpoints: ['http://a']}]}\n"
    "  clu_2: {cluster_id: clu_2, client_id: cli_2, client_secret: sec_2, default_peer: peer_2,\n"
    "          peers: [{peer_id: peer_2, name: b, fingerprint: 'sha256:ab', endpoints: ['https://b']}]}\n";

static const json_t *cluster_of(const struct cli_config *config, const char *wanted)
{
    json_t *cluster = NULL;
    assert_int_equal(cli_config_cluster(config, wanted, &cluster, NULL), ARCTIC_OK);
    return cluster;
}

static void test_two_entries_become_one(void **state)
{
    (void)state;
    struct cli_config config;
    struct cli_joined joined = {{"peer_1", "peer_2"}, "clu_1", "clu_1"};
    struct cli_endpoint endpoints[CLI_ENDPOINTS_MAX];
    write_file(two_clusters, 0600);
    change(cli_config_save_joined, &joined, &config);
    assert_int_equal(json_object_size(json_object_get(config.root, "clusters")), 1);
    assert_string_equal(cli_json_text(config.root, "current_cluster"), "clu_1");
    const json_t *cluster = cluster_of(&config, NULL);
    assert_string_equal(cli_json_text(cluster, "client_secret"), "sec_1");
    assert_int_equal(json_integer_value(json_object_get(cluster, "mine")), 1);
    assert_ptr_equal(cluster_of(&config, "b"), cluster);
    assert_int_equal(cli_config_endpoints(cluster, NULL, endpoints), 2);
    assert_string_equal(endpoints[0].url, "http://a");
    assert_string_equal(endpoints[0].fingerprint, "");
    assert_string_equal(endpoints[1].peer_id, "peer_2");
    assert_int_equal(cli_config_endpoints(cluster, cli_config_peer_named(cluster, "b"), endpoints), 2);
    assert_string_equal(endpoints[0].url, "https://b");
    assert_string_equal(endpoints[0].fingerprint, "sha256:ab");
    cli_config_release(&config);
}

static void test_a_peer_that_is_gone_is_forgotten(void **state)
{
    (void)state;
    struct cli_config config;
    char gone[] = "peer_2";
    write_file(two_clusters, 0600);
    change(cli_config_forget_peer, gone, &config);
    assert_int_equal(json_object_size(json_object_get(config.root, "clusters")), 1);
    assert_null(json_object_get(config.root, "current_cluster"));
    cli_config_release(&config);
    struct cli_joined joined = {{"peer_1", "peer_2"}, "clu_1", "clu_1"};
    write_file(two_clusters, 0600);
    change(cli_config_save_joined, &joined, &config);
    cli_config_release(&config);
    char first_peer[] = "peer_1";
    change(cli_config_forget_peer, first_peer, &config);
    const json_t *cluster = cluster_of(&config, NULL);
    assert_int_equal(json_array_size(json_object_get(cluster, "peers")), 1);
    assert_null(json_object_get(cluster, "default_peer"));
    /* What the agent of peer_1 made went with it: its other agent's is used again. */
    assert_string_equal(cli_json_text(cluster, "client_id"), "cli_2");
    assert_string_equal(cli_json_text(cluster, "client_secret"), "sec_2");
    cli_config_release(&config);
}

static void test_secrets_names_and_choices(void **state)
{
    (void)state;
    struct cli_config config;
    struct cli_new_secret secret = {"cli_2", "sec_new"};
    struct cli_renamed renamed = {"peer_2", "paris"};
    struct cli_choice choice = {.key = "clu_1", .peer_id = "peer_9", .current = true};
    write_file(two_clusters, 0600);
    change(cli_config_save_secret, &secret, &config);
    assert_true(cli_config_has_client(&config, "cli_2") && !cli_config_has_client(&config, ""));
    cli_config_release(&config);
    change(cli_config_rename_peer, &renamed, &config);
    cli_config_release(&config);
    change(cli_config_set_current, &choice, &config);
    assert_string_equal(cli_json_text(cluster_of(&config, "paris"), "client_secret"), "sec_new");
    assert_string_equal(cli_json_text(cluster_of(&config, NULL), "client_secret"), "sec_1");
    assert_string_equal(cli_json_text(cluster_of(&config, NULL), "default_peer"), "peer_9");
    cli_config_release(&config);
}

static void test_preferences(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *text;
        bool good;
    } cases[] = {
        {"output_format", "yaml", true}, {"output_format", "xml", false}, {"timeout", "500ms", true},
        {"timeout", "soon", false},      {"timeout", "0", false},         {"cache_ttl", "0", true},
        {"cache_ttl", "86401", false},   {"cache_ttl", "-1", false},      {"color", "never", true},
        {"color", "pink", false},        {"backup_retention", "0", true}, {"backup_retention", "101", false},
        {"outputformat", "table", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arctic_error error;
        CLI_JSON *value = NULL;
        int code = cli_preference_parse(cases[i].name, cases[i].text, &value, &error);
        assert_int_equal(code, cases[i].good ? ARCTIC_OK : ARCTIC_E_USAGE);
        assert_int_equal(value != NULL, cases[i].good);
    }
    struct cli_config config;
    struct arctic_error error;
    struct cli cli = {.color = true};
    write_file("preferences: {output_format: json, timeout: 5, cache_ttl: 7, color: false, other: 1}\n",
               0600);
    load(&config);
    cli.config = config;
    assert_ok(cli_preferences_apply(&cli, &error), error);
    assert_true(cli.format == CLI_FORMAT_JSON && cli.timeout_ms == 5000 && cli.cache_ttl == 7 && !cli.color);
    cli_config_release(&config);
}

static void test_file_that_others_can_read_is_closed(void **state)
{
    (void)state;
    struct cli_config config;
    write_file("current_cluster: clu_1\n", 0644);
    load(&config);
    assert_int_equal(mode_of(path), 0600);
    cli_config_release(&config);
}

static void test_broken_files(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {{"a: [\n", "config.yaml:"},
                 {"- a\n", "must hold keys"},
                 {"clusters: [a]\n", "'clusters' must hold keys"},
                 {"clusters: {}\nclusters: {}\n", "config.yaml:2:1: this key comes twice"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct cli_config config;
        struct arctic_error error;
        write_file(cases[i].text, 0600);
        assert_int_equal(cli_config_load(path, &config, &error), ARCTIC_E_CORRUPT);
        assert_non_null(strstr(error.message, cases[i].message));
        cli_config_release(&config);
    }
}

static int refuse(json_t *root, void *context, struct arctic_error *error)
{
    (void)context;
    json_object_set_new(root, "current_cluster", json_string("wrong"));
    return cli_fail(error, ARCTIC_E_SYSTEM, "no");
}

static void test_failed_change_changes_nothing(void **state)
{
    (void)state;
    struct cli_config config;
    struct arctic_error error;
    write_file("current_cluster: clu_1\n", 0600);
    load(&config);
    assert_int_equal(cli_config_change(&config, true, refuse, NULL, &error), ARCTIC_E_SYSTEM);
    assert_string_equal(cli_json_text(config.root, "current_cluster"), "clu_1");
    cli_config_release(&config);
    load(&config);
    assert_string_equal(cli_json_text(config.root, "current_cluster"), "clu_1");
    cli_config_release(&config);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bootstrap_is_saved, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_unknown_keys_and_other_clusters_survive, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_an_endpoint_is_that_of_the_newest_agent_there, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_old_copies_are_kept, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_endpoints_in_order_and_the_last_good_one_first, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_two_entries_become_one, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_a_peer_that_is_gone_is_forgotten, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_secrets_names_and_choices, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_preferences, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_file_that_others_can_read_is_closed, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_broken_files, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_failed_change_changes_nothing, make_folder, remove_folder),
    };
    return cmocka_run_group_tests_name("cli configuration file", tests, NULL, NULL);
}
