/* Looks at the files every few seconds: they may be links that are turned, on file systems that tell nobody. */
#include "agent/api/api-renewal.h"

#include <string.h>
#include <sys/stat.h>

#include "agent/api/api-certificate.h"
#include "agent/local-peer.h"
#include "agent/peers/gossiping.h"
#include "agent/peers/peer-links.h"
#include "base/error.h"
#include "base/time.h"

#define LOOK_MS 2000
/* Time to get a new one. */
#define EXPIRY_WARNING_MS ((int64_t)14 * 24 * 3600 * 1000)
#define REMIND_MS ((int64_t)24 * 3600 * 1000)

/* Clients that check dates refuse it; those that pin the key go on, so that the agent does too. */
static void warn_of_expiry(struct arctic_agent *agent)
{
    struct arci_api_renewal *renewal = &agent->api_renewal;
    char end[ARCI_TIME_TEXT];
    int64_t left = renewal->expires_at - arci_time_now();
    if (left >= EXPIRY_WARNING_MS)
        return;
    renewal->warned_at = arci_time_monotonic();
    arci_log_warn(agent->log, "api",
                  left < 0 ? "the certificate of API_TLS_CERT has expired: renew the file"
                           : "the certificate of API_TLS_CERT ends soon: renew the file",
                  ARCI_TEXT("file", agent->settings.api_tls_cert),
                  ARCI_TEXT("expires_at", arci_time_format(renewal->expires_at, end)));
}

static struct arci_file_mark mark_of(const char *path)
{
    struct stat status;
    if (stat(path, &status) < 0)
        return (struct arci_file_mark){.size = -1};
    return (struct arci_file_mark){.device = status.st_dev,
                                   .inode = status.st_ino,
                                   .size = status.st_size,
                                   .seconds = status.st_mtim.tv_sec,
                                   .nanoseconds = status.st_mtim.tv_nsec};
}

static bool is_same(const struct arci_file_mark *a, const struct arci_file_mark *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size && a->seconds == b->seconds &&
           a->nanoseconds == b->nanoseconds;
}

static struct arci_key_files look_at_files(const struct arctic_agent *agent)
{
    return (struct arci_key_files){mark_of(agent->settings.api_tls_cert),
                                   mark_of(agent->settings.api_tls_key)};
}

static bool are_same(const struct arci_key_files *a, const struct arci_key_files *b)
{
    return is_same(&a->chain, &b->chain) && is_same(&a->key, &b->key);
}

/* The peers tell others how to recognise this agent's API. */
static void tell_fingerprint(struct arctic_agent *agent, const uint8_t *fingerprint)
{
    struct arctic_error error;
    char text[ARCI_FINGERPRINT_TEXT];
    arci_fingerprint_format(fingerprint, text);
    if (strcmp(text, agent->api_fingerprint) == 0)
        return;
    memcpy(agent->api_fingerprint, text, sizeof text);
    if (!agent->bootstrapped)
        return;
    if (arci_local_peer_refresh(agent, &error) < 0)
        arci_log_error(agent->log, "api", "cannot tell the peers of the API's new key before the next start",
                       ARCI_ERROR(&error));
}

static void renew(struct arctic_agent *agent)
{
    ARCI_CLEANUP(arci_api_certificate_release) struct arci_api_certificate certificate = {.chain = NULL};
    struct arctic_error error;
    char end[ARCI_TIME_TEXT];
    int code = arci_api_certificate_load(agent, &certificate, &error);
    if (code == ARCTIC_OK)
        code = arci_http_server_renew_key(agent->api_tls, certificate.chain, certificate.key, &error);
    if (code < 0) {
        arci_log_error(agent->log, "api", "the renewed certificate cannot be used, the former one stays",
                       ARCI_ERROR(&error));
        return;
    }
    tell_fingerprint(agent, certificate.fingerprint);
    agent->api_renewal.expires_at = certificate.expires_at;
    arci_log_info(agent->log, "api", "the API over TLS shows a renewed certificate",
                  ARCI_TEXT("file", agent->settings.api_tls_cert),
                  ARCI_TEXT("expires_at", arci_time_format(certificate.expires_at, end)),
                  ARCI_TEXT("fingerprint", agent->api_fingerprint));
    warn_of_expiry(agent);
}

/* Two files do not change at one moment: they are read once they have rested from one look to the next. */
static void on_timer(uv_timer_t *timer)
{
    struct arctic_agent *agent = timer->data;
    struct arci_api_renewal *renewal = &agent->api_renewal;
    const struct arci_key_files files = look_at_files(agent);
    bool rest = are_same(&files, &renewal->seen);
    renewal->seen = files;
    if (rest && !are_same(&files, &renewal->read)) {
        renewal->read = files;
        renew(agent);
    }
    if (arci_time_monotonic() - renewal->warned_at >= REMIND_MS)
        warn_of_expiry(agent);
}

void arci_api_renewal_note(struct arctic_agent *agent)
{
    agent->api_renewal.seen = agent->api_renewal.read = look_at_files(agent);
}

int arci_api_renewal_start(struct arctic_agent *agent, int64_t expires_at, struct arctic_error *error)
{
    struct arci_api_renewal *renewal = &agent->api_renewal;
    if (!agent->settings.api_tls_cert[0])
        return ARCTIC_OK;
    int result = uv_timer_init(&agent->loop, &renewal->timer);
    if (result < 0)
        return arci_fail_errnum(error, -result, "cannot make a timer");
    renewal->timer.data = agent;
    renewal->expires_at = expires_at;
    warn_of_expiry(agent);
    uv_timer_start(&renewal->timer, on_timer, LOOK_MS, LOOK_MS);
    return ARCTIC_OK;
}

void arci_api_renewal_stop(struct arctic_agent *agent)
{
    uv_timer_t *timer = &agent->api_renewal.timer;
    if (timer->data && !uv_is_closing((uv_handle_t *)timer))
        uv_close((uv_handle_t *)timer, NULL);
}
