/* Checking and copying the options of arctic_agent_create(). */
#include "agent/settings.h"

#include <string.h>

#include "base/error.h"
#include "base/options.h"

static int copy_text(const char *name, const char *value, const char *fallback, char *target, size_t size,
                     struct arctic_error *error)
{
    const char *text = value && value[0] ? value : fallback;
    size_t length = strlen(text);
    if (length >= size)
        return arci_fail(error, ARCTIC_E_USAGE, name, "%s is longer than %zu bytes", name, size - 1);
    memcpy(target, text, length + 1);
    return ARCTIC_OK;
}

static uint16_t port_or(uint16_t port, uint16_t fallback)
{
    if (port == ARCTIC_PORT_ANY)
        return 0;
    return port ? port : fallback;
}

/* The bits must stand in one run, and be enough for a flag and some service slots. */
static int check_mark_mask(uint32_t mask, struct arctic_error *error)
{
    uint32_t run = mask >> __builtin_ctz(mask);
    if ((run & (run + 1)) != 0 || __builtin_popcount(mask) < 8)
        return arci_fail(error, ARCTIC_E_USAGE, "mark_mask",
                         "mark mask 0x%08x must have 8 or more bits in one run", mask);
    return ARCTIC_OK;
}

static int check_tls(const struct arci_agent_settings *settings, struct arctic_error *error)
{
    if (!settings->api_tls_cert[0] == !settings->api_tls_key[0])
        return ARCTIC_OK;
    return arci_fail(error, ARCTIC_E_USAGE, settings->api_tls_cert[0] ? "api_tls_key" : "api_tls_cert",
                     "API_TLS_CERT and API_TLS_KEY come together or not at all");
}

int arci_agent_settings_read(const struct arctic_agent_options *options,
                             struct arci_agent_settings *ret_settings, struct arctic_error *error)
{
    struct arctic_agent_options given = {0};
    struct arci_agent_settings settings = {0};
    int code = arci_options_take(options, &given, sizeof given, "agent options", error);
    if (code >= 0)
        code = copy_text("data_dir", given.data_dir, "/var/lib/arctic", settings.data_dir,
                         sizeof settings.data_dir, error);
    if (code >= 0)
        code = copy_text("run_dir", given.run_dir, "/run/arctic", settings.run_dir, sizeof settings.run_dir,
                         error);
    if (code >= 0)
        code = copy_text("api_address", given.api_address, "::", settings.api_address,
                         sizeof settings.api_address, error);
    if (code >= 0)
        code = copy_text("parent_interface", given.parent_interface, "", settings.parent_interface,
                         sizeof settings.parent_interface, error);
    if (code >= 0)
        code = copy_text("tunnel_congestion", given.tunnel_congestion, "bbr", settings.tunnel_congestion,
                         sizeof settings.tunnel_congestion, error);
    if (code >= 0)
        code = copy_text("api_tls_cert", given.api_tls_cert, "", settings.api_tls_cert,
                         sizeof settings.api_tls_cert, error);
    if (code >= 0)
        code = copy_text("api_tls_key", given.api_tls_key, "", settings.api_tls_key,
                         sizeof settings.api_tls_key, error);
    if (code >= 0)
        code = check_tls(&settings, error);
    settings.mark_mask = given.mark_mask ? given.mark_mask : ARCI_MARK_MASK_DEFAULT;
    if (code >= 0)
        code = check_mark_mask(settings.mark_mask, error);
    if (code < 0)
        return code;
    if (given.workers > 64)
        return arci_fail(error, ARCTIC_E_USAGE, "workers", "%u workers, at most 64", given.workers);
    if (given.prime_kb > 65536)
        return arci_fail(error, ARCTIC_E_USAGE, "prime_kb", "%u KiB of padding, at most 65536",
                         given.prime_kb);
    if (given.table_mode < ARCTIC_TABLE_AUTO || given.table_mode > ARCTIC_TABLE_PLAIN)
        return arci_fail(error, ARCTIC_E_USAGE, "table_mode", "table mode %d is not known", given.table_mode);
    settings.api_port = port_or(given.api_port, 8080);
    settings.api_tls_port = port_or(given.api_tls_port, given.api_port == ARCTIC_PORT_ANY ? 0 : 8443);
    settings.api_tls_off = given.api_tls_off != 0;
    settings.tunnel_port = port_or(given.tunnel_port, 61000);
    settings.iptunnel_port = port_or(given.iptunnel_port, 51840);
    settings.tproxy_port = port_or(given.tproxy_port, 0);
    settings.workers = given.workers ? given.workers : 1;
    settings.table_mode = given.table_mode;
    settings.route_table = given.route_table ? given.route_table : ARCI_KERNEL_TABLE_DEFAULT;
    settings.rule_priority = given.rule_priority ? given.rule_priority : ARCI_KERNEL_PRIORITY_DEFAULT;
    settings.pulse = given.pulse;
    settings.pulse_user = given.pulse_user;
    settings.prime_kb = given.prime_off ? 0 : given.prime_kb ? given.prime_kb : 512;
    *ret_settings = settings;
    return ARCTIC_OK;
}
