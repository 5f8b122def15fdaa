/* Settings of arctic-agent: flags win over the environment, which wins over the file. */
#ifndef ARCTIC_AGENT_SETTINGS_H
#define ARCTIC_AGENT_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include <arctic/agent.h>

#define SETTING_TEXT 256
#define SETTINGS_FILE "/etc/arctic/agent.env"

/* What help and manual page tell of a setting. */
struct setting_description {
    const char *name;     /* in file and environment */
    char flag[64];        /* without its dashes */
    const char *fallback; /* "": none */
    const char *help;
};

struct settings {
    char data_dir[SETTING_TEXT];
    char run_dir[SETTING_TEXT];
    char api_address[SETTING_TEXT];
    char parent_interface[SETTING_TEXT];
    char tunnel_congestion[SETTING_TEXT];
    char log_level[SETTING_TEXT];
    char log_format[SETTING_TEXT];
    char table_mode[SETTING_TEXT];
    char api_tls_cert[SETTING_TEXT];
    char api_tls_key[SETTING_TEXT];
    long api_port;
    long api_tls_port; /* -1: off */
    long tunnel_port;
    long iptunnel_port;
    long workers;
    long mark_mask;
    long route_table;
    long rule_priority;
    long prime_kb;
};

enum settings_outcome {
    SETTINGS_RUN,
    SETTINGS_EXIT_OK, /* help or version was printed */
    SETTINGS_EXIT_USAGE,
};

/* The setting with this number, from 0 on; false behind the last one. */
bool settings_describe(size_t number, struct setting_description *ret_description);

/* Reads file, environment and flags into *ret_settings; says on stderr what is wrong. */
enum settings_outcome settings_read(int argc, char **argv, struct settings *ret_settings);

/* Points `options` into `settings`, which must outlive it. False, with a message on stderr, for a value that does not fit. */
bool settings_to_options(const struct settings *settings, struct arctic_agent_options *ret_options);

#endif
