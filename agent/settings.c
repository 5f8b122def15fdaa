/* One table of settings gives the names in the file and the environment, the flags, the defaults and the help. */
#include "settings.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"
#include "settings-file.h"

struct setting {
    const char *name; /* DATA_DIR in file and environment, --data-dir as a flag */
    const char *fallback;
    size_t offset;
    bool is_number;
    long lowest;
    long highest;
    const char *help;
};

#define TEXT(member) offsetof(struct settings, member), false, 0, 0
#define NUMBER(member, lowest, highest) offsetof(struct settings, member), true, lowest, highest

static const struct setting table[] = {
    {"DATA_DIR", "/var/lib/arctic", TEXT(data_dir), "state: database and peer key"},
    {"RUN_DIR", "/run/arctic", TEXT(run_dir), "files that live as long as the agent"},
    {"API_ADDRESS", "::", TEXT(api_address), "address of the API, :: for all"},
    {"API_PORT", "8080", NUMBER(api_port, 0, 65534), "port of the API, 0 for a free one"},
    {"API_TLS_PORT", "8443", NUMBER(api_tls_port, -1, 65534),
     "port of the API over TLS, 0 for a free one, off for none"},
    {"API_TLS_CERT", "", TEXT(api_tls_cert), "PEM file: certificate of the API over TLS; none: its own"},
    {"API_TLS_KEY", "", TEXT(api_tls_key), "PEM file, mode 0600: key of API_TLS_CERT"},
    {"TUNNEL_PORT", "61000", NUMBER(tunnel_port, 0, 65534), "port of the tunnel, 0 for a free one"},
    {"IPTUNNEL_PORT", "51840", NUMBER(iptunnel_port, 0, 65534), "kept for the IP tunnel, unused so far"},
    {"PARENT_INTERFACE", "", TEXT(parent_interface),
     "parent of services' MACVLAN interfaces; none: the one with the default route"},
    {"WORKERS", "1", NUMBER(workers, 1, 64), "data-plane threads, up to 64"},
    {"LOG_LEVEL", "info", TEXT(log_level), "debug, info, warn or error"},
    {"LOG_FORMAT", "json", TEXT(log_format), "json or text"},
    {"TUNNEL_CONGESTION", "bbr", TEXT(tunnel_congestion), "TCP congestion control of the tunnel"},
    {"TUNNEL_PRIME_KB", "512", NUMBER(prime_kb, 0, 65536),
     "KiB of padding that warms a fresh tunnel connection, each way; 0: none"},
    {"TABLE_MODE", "auto", TEXT(table_mode), "nft table: owner, plain or auto"},
    {"MARK_MASK", "0xfff00000", NUMBER(mark_mask, 1, UINT32_MAX),
     "packet mark bits that Arctic may use, 8 or more in one run"},
    {"ROUTE_TABLE", "61000", NUMBER(route_table, 1, UINT32_MAX), "routing table of captured packets"},
    {"RULE_PRIORITY", "610", NUMBER(rule_priority, 1, 32765), "priority of the ip rule that leads there"},
};

#define SETTING_COUNT (sizeof table / sizeof table[0])

/* getopt_long() codes after the settings' own. */
enum { FLAG_ENV_FILE = 1000, FLAG_HELP, FLAG_VERSION };

/* Decimal also with zeros in front, where strtol() by itself would take it for octal. */
static int base_of(const char *text)
{
    return text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
}

/* A lowest value of -1 stands for the word "off". */
static bool read_number(const struct setting *setting, const char *text, long *ret_value)
{
    bool has_off = setting->lowest < 0;
    char *end;
    errno = 0;
    *ret_value = has_off && strcmp(text, "off") == 0 ? -1 : strtol(text, &end, base_of(text));
    if (*ret_value == -1 && has_off)
        return strcmp(text, "off") == 0;
    return !errno && end != text && !*end && *ret_value >= setting->lowest && *ret_value <= setting->highest;
}

static bool store_number(struct settings *settings, const struct setting *setting, const char *text,
                         const char *origin)
{
    long value = 0;
    if (!read_number(setting, text, &value)) {
        bool has_off = setting->lowest < 0;
        report_error("%s: %s must be a number from %ld to %ld%s, not '%.64s'", origin, setting->name,
                     has_off ? 0 : setting->lowest, setting->highest, has_off ? ", or off" : "", text);
        return false;
    }
    memcpy((char *)settings + setting->offset, &value, sizeof value);
    return true;
}

static bool store_value(struct settings *settings, const struct setting *setting, const char *text,
                        const char *origin)
{
    if (setting->is_number)
        return store_number(settings, setting, text, origin);
    if (strlen(text) >= SETTING_TEXT) {
        report_error("%s: %s is longer than %d bytes", origin, setting->name, SETTING_TEXT - 1);
        return false;
    }
    strcpy((char *)settings + setting->offset, text);
    return true;
}

static const struct setting *find_setting(const char *name)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    }
    return NULL;
}

static bool take_setting(void *user, const char *name, const char *value, const char *origin)
{
    const struct setting *setting = find_setting(name);
    if (!setting) {
        report_error("%s: unknown setting '%.64s', see --help for all", origin, name);
        return false;
    }
    return store_value(user, setting, value, origin);
}

static void flag_name(const struct setting *setting, char *ret_name)
{
    for (const char *byte = setting->name; *byte; byte++)
        *ret_name++ = *byte == '_' ? '-' : (char)tolower((unsigned char)*byte);
    *ret_name = '\0';
}

bool settings_describe(size_t number, struct setting_description *ret_description)
{
    if (number >= SETTING_COUNT)
        return false;
    ret_description->name = table[number].name;
    ret_description->fallback = table[number].fallback;
    ret_description->help = table[number].help;
    flag_name(&table[number], ret_description->flag);
    return true;
}

static void print_help(void)
{
    struct setting_description setting;
    printf(
        "Usage: arctic-agent [--env-file FILE] [--SETTING VALUE ...]\n\n"
        "The Arctic daemon. A setting is taken from its flag, else from the environment, else from the file\n"
        "(" SETTINGS_FILE "), else from its default.\n\n");
    for (size_t i = 0; settings_describe(i, &setting); i++)
        printf("  --%-20s %-18s %s (default: %s)\n", setting.flag, setting.name, setting.help,
               setting.fallback[0] ? setting.fallback : "none");
    printf("  --%-20s %-18s %s\n", "env-file FILE", "", "settings file to read instead; it has to exist");
    printf("  --%-20s %-18s %s\n", "help", "", "print this");
    printf("  --%-20s %-18s %s\n", "version", "", "print the version");
    printf("\nRuns in the foreground as root and logs to stderr; SIGTERM, SIGINT or SIGHUP ends it and takes "
           "back\n"
           "what it changed on the host. A new agent only serves its API until 'arctic bootstrap' gives it "
           "an identity\n"
           "and a licence.\n");
}

static void make_flags(struct option *ret_options, char names[][64])
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        flag_name(&table[i], names[i]);
        ret_options[i] = (struct option){names[i], required_argument, NULL, (int)i};
    }
    ret_options[SETTING_COUNT] = (struct option){"env-file", required_argument, NULL, FLAG_ENV_FILE};
    ret_options[SETTING_COUNT + 1] = (struct option){"help", no_argument, NULL, FLAG_HELP};
    ret_options[SETTING_COUNT + 2] = (struct option){"version", no_argument, NULL, FLAG_VERSION};
    ret_options[SETTING_COUNT + 3] = (struct option){0};
}

/* Values of flags, kept until file and environment have been read. */
struct flags {
    const char *values[SETTING_COUNT];
    const char *env_file;
};

static enum settings_outcome read_flags(int argc, char **argv, struct flags *ret_flags)
{
    struct option options[SETTING_COUNT + 4];
    char names[SETTING_COUNT][64];
    make_flags(options, names);
    int code;
    while ((code = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (code == FLAG_HELP) {
            print_help();
            return SETTINGS_EXIT_OK;
        }
        if (code == FLAG_VERSION) {
            printf("arctic-agent %s\n", arctic_version());
            return SETTINGS_EXIT_OK;
        }
        if (code == '?') {
            fprintf(stderr, "Run 'arctic-agent --help' to see the settings.\n");
            return SETTINGS_EXIT_USAGE;
        }
        if (code == FLAG_ENV_FILE)
            ret_flags->env_file = optarg;
        else
            ret_flags->values[code] = optarg;
    }
    if (optind < argc) {
        report_error("unexpected argument '%s', see --help", argv[optind]);
        return SETTINGS_EXIT_USAGE;
    }
    return SETTINGS_RUN;
}

enum settings_outcome settings_read(int argc, char **argv, struct settings *ret_settings)
{
    struct flags flags = {0};
    enum settings_outcome outcome = read_flags(argc, argv, &flags);
    if (outcome != SETTINGS_RUN)
        return outcome;
    struct settings settings = {0};
    for (size_t i = 0; i < SETTING_COUNT; i++)
        store_value(&settings, &table[i], table[i].fallback, "default");
    if (!settings_file_read(flags.env_file ? flags.env_file : SETTINGS_FILE, flags.env_file != NULL,
                            take_setting, &settings))
        return SETTINGS_EXIT_USAGE;
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const char *value = getenv(table[i].name);
        if (value && !store_value(&settings, &table[i], value, "environment"))
            return SETTINGS_EXIT_USAGE;
        if (flags.values[i] && !store_value(&settings, &table[i], flags.values[i], "command line"))
            return SETTINGS_EXIT_USAGE;
    }
    *ret_settings = settings;
    return SETTINGS_RUN;
}

static uint16_t port_option(long port)
{
    return port == 0 ? ARCTIC_PORT_ANY : (uint16_t)port;
}

bool settings_to_options(const struct settings *settings, struct arctic_agent_options *ret_options)
{
    static const char *const modes[] = {"auto", "owner", "plain"};
    int32_t mode = 0;
    while (mode < 3 && strcmp(modes[mode], settings->table_mode) != 0)
        mode++;
    if (mode == 3) {
        report_error("TABLE_MODE must be owner, plain or auto, not '%s'", settings->table_mode);
        return false;
    }
    *ret_options = (struct arctic_agent_options){
        .size = sizeof *ret_options,
        .data_dir = settings->data_dir,
        .run_dir = settings->run_dir,
        .api_address = settings->api_address,
        .parent_interface = settings->parent_interface,
        .tunnel_congestion = settings->tunnel_congestion,
        .api_port = port_option(settings->api_port),
        .api_tls_port = settings->api_tls_port < 0 ? 0 : port_option(settings->api_tls_port),
        .api_tls_off = settings->api_tls_port < 0,
        .api_tls_cert = settings->api_tls_cert,
        .api_tls_key = settings->api_tls_key,
        .tunnel_port = port_option(settings->tunnel_port),
        .iptunnel_port = port_option(settings->iptunnel_port),
        .workers = (uint32_t)settings->workers,
        .table_mode = mode,
        .mark_mask = (uint32_t)settings->mark_mask,
        .route_table = (uint32_t)settings->route_table,
        .rule_priority = (uint32_t)settings->rule_priority,
        .prime_kb = (uint32_t)settings->prime_kb,
        .prime_off = settings->prime_kb == 0,
    };
    return true;
}
