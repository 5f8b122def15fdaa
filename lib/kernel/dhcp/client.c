/* What time and the client's owner make of its state; client-receive.c has what replies do. */
#include "kernel/dhcp/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <arctic/address.h>

#include "base/time.h"
#include "kernel/dhcp/client-internal.h"
#include "kernel/dhcp/ipv4.h"

/* RFC 2131 section 4.4.1 has the first message wait for 1 to 10 s, for whole buildings that begin at once; this host's services do with less. */
#define START_WAIT_MS 1000
/* RFC 2131 section 4.1: 4, 8, 16, 32, 64 s and so on, each one second more or less. */
#define RESEND_FIRST (4 * ARCI_DHCP_SECOND)
#define RESEND_DOUBLINGS 4
#define RESEND_SCATTER ARCI_DHCP_SECOND
#define REQUESTS_MAX 4 /* for an offer: a minute, section 3.1 */
#define REBOOTS_MAX 2  /* for an earlier lease, which is good without an answer too: 12 s */
#define RENEW_WAIT_MIN (60 * ARCI_DHCP_SECOND) /* section 4.4.5 */
#define DECLINE_WAIT (10 * ARCI_DHCP_SECOND)   /* section 3.1 */
#define CONFLICTS_MAX 10 /* RFC 5227 section 1.1: MAX_CONFLICTS and RATE_LIMIT_INTERVAL */
#define CONFLICT_WAIT (60 * ARCI_DHCP_SECOND)
#define CONTEST_MEMORY (60 * ARCI_DHCP_SECOND) /* after the last sign of another user all is well again */

/* splitmix64 (Vigna): messages need numbers that differ, not secrets. */
uint32_t arci_dhcp_client_chance(struct arci_dhcp_client *client, uint32_t limit)
{
    uint64_t value = client->random += 0x9e3779b97f4a7c15u;
    value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
    value = (value ^ value >> 27) * 0x94d049bb133111ebu;
    value ^= value >> 31;
    return (uint32_t)(value % ((uint64_t)limit + 1));
}

void arci_dhcp_client_tell(struct arci_dhcp_client *client, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(client->reason, sizeof client->reason, format, arguments);
    va_end(arguments);
    client->told = true;
}

/* What is waited for, with the time that has passed without an answer; what was told last stands over one repetition. */
static void tell_waiting(struct arci_dhcp_client *client, int64_t now)
{
    long long seconds = (now - client->asking_since) / ARCI_DHCP_SECOND;
    if (client->told && client->sent > 1) {
        client->told = false;
        return;
    }
    if (client->told)
        return;
    if (client->sent <= 1)
        arci_dhcp_client_tell(client, "waiting for a DHCP lease on %s", client->interface);
    else
        arci_dhcp_client_tell(client, "waiting for a DHCP lease on %s: no answer for %lld s",
                              client->interface, seconds);
    client->told = false;
}

static int64_t resend_wait(struct arci_dhcp_client *client)
{
    unsigned doublings = client->sent > RESEND_DOUBLINGS ? RESEND_DOUBLINGS : client->sent - 1;
    return (RESEND_FIRST << doublings) - RESEND_SCATTER + arci_dhcp_client_chance(client, 2 * RESEND_SCATTER);
}

void arci_dhcp_client_go_to(struct arci_dhcp_client *client, enum arci_dhcp_phase phase, int64_t next_at)
{
    client->phase = phase;
    client->next_at = next_at;
}

void arci_dhcp_client_start_anew(struct arci_dhcp_client *client, int64_t wait, int64_t now)
{
    client->holds = false;
    client->has_server_mac = false;
    client->renamed = false;
    client->renew_at = client->rebind_at = client->expires_at = client->contested_until = INT64_MAX;
    arci_dhcp_client_exchange(client, now);
    arci_dhcp_client_go_to(client, ARCI_DHCP_PHASE_INIT, now + wait);
}

void arci_dhcp_client_init(struct arci_dhcp_client *client, const struct arci_dhcp_self *self,
                           const char *interface, uint64_t seed, int64_t now)
{
    *client = (struct arci_dhcp_client){.self = *self, .random = seed};
    snprintf(client->interface, sizeof client->interface, "%s", interface);
    arci_dhcp_client_start_anew(client, arci_dhcp_client_chance(client, START_WAIT_MS), now);
    tell_waiting(client, now);
}

/* Seconds to a moment of a lease by the wall clock, which may have been set meanwhile: no lease is longer than 32 bits tell. */
static int64_t moment_of(int64_t at, int64_t now, int64_t wall)
{
    if (at == ARCI_DHCP_FOREVER)
        return INT64_MAX;
    int64_t left = at > wall ? at - wall : 0;
    return now + (left < UINT32_MAX ? left : UINT32_MAX) * ARCI_DHCP_SECOND;
}

static void reboot(struct arci_dhcp_client *client, int64_t now)
{
    arci_dhcp_client_exchange(client, now);
    arci_dhcp_client_go_to(client, ARCI_DHCP_PHASE_REBOOTING, now);
    arci_dhcp_client_tell(client, "asking whether the DHCP lease of %s on %s still holds",
                          arci_dhcp_text_of(&client->grant.lease.address).text, client->interface);
    client->told = false;
}

void arci_dhcp_client_recall(struct arci_dhcp_client *client, const struct arci_dhcp_lease *former,
                             int64_t now, int64_t wall)
{
    client->hint = arci_ipv4_number(&former->address);
    if (former->expires_at <= wall)
        return;
    client->grant = (struct arci_dhcp_grant){.lease = *former};
    client->renew_at = moment_of(former->renew_at, now, wall);
    client->rebind_at = moment_of(former->rebind_at, now, wall);
    client->expires_at = moment_of(former->expires_at, now, wall);
    reboot(client, now);
}

int64_t arci_dhcp_client_deadline(const struct arci_dhcp_client *client)
{
    int64_t deadline = client->next_at < client->expires_at ? client->next_at : client->expires_at;
    return deadline < client->contested_until ? deadline : client->contested_until;
}

static void discover(struct arci_dhcp_client *client, int64_t now)
{
    if (client->phase != ARCI_DHCP_PHASE_SELECTING)
        arci_dhcp_client_exchange(client, now);
    arci_dhcp_client_send_discover(client, now);
    tell_waiting(client, now);
    arci_dhcp_client_go_to(client, ARCI_DHCP_PHASE_SELECTING, now + resend_wait(client));
}

void arci_dhcp_client_request(struct arci_dhcp_client *client, int64_t now)
{
    if (client->sent == 0)
        client->requested_at = now;
    arci_dhcp_client_send_request(client, now);
    client->next_at = now + resend_wait(client);
}

static void request_again(struct arci_dhcp_client *client, int64_t now)
{
    if (client->sent < REQUESTS_MAX) {
        arci_dhcp_client_request(client, now);
        return;
    }
    arci_dhcp_client_tell(client, "%s offered %s and does not grant it: asking again",
                          arci_dhcp_text_of(&client->grant.lease.server).text,
                          arci_dhcp_text_of(&client->grant.lease.address).text);
    arci_dhcp_client_start_anew(client, 0, now);
}

void arci_dhcp_client_check(struct arci_dhcp_client *client)
{
    arci_dhcp_client_tell(client, "asking on %s whether another host uses %s", client->interface,
                          arci_dhcp_text_of(&client->grant.lease.address).text);
    arci_dhcp_client_go_to(client, ARCI_DHCP_PHASE_CHECKING, INT64_MAX);
}

/* RFC 2131 section 3.2: without an answer an earlier lease may be used until it ends. */
static void reboot_again(struct arci_dhcp_client *client, int64_t now)
{
    if (client->sent < REBOOTS_MAX)
        arci_dhcp_client_request(client, now);
    else
        arci_dhcp_client_check(client);
}

/* Half of what is left, but a minute at least, and no more than what is left. */
static int64_t renewal_wait(int64_t until, int64_t now)
{
    int64_t left = until > now ? until - now : 0;
    int64_t wait = left / 2 > RENEW_WAIT_MIN ? left / 2 : RENEW_WAIT_MIN;
    return wait < left ? wait : left;
}

static void tell_unrenewed(struct arci_dhcp_client *client, int64_t now)
{
    char ends[ARCI_TIME_TEXT];
    if (client->sent == 0)
        return;
    arci_time_format(client->grant.lease.expires_at * 1000, ends);
    arci_dhcp_client_tell(client, "the DHCP lease of %s is not renewed: no answer for %lld s; it ends at %s",
                          arci_dhcp_text_of(&client->grant.lease.address).text,
                          (long long)((now - client->asking_since) / ARCI_DHCP_SECOND), ends);
}

static void renew(struct arci_dhcp_client *client, int64_t now)
{
    enum arci_dhcp_phase phase =
        now >= client->rebind_at ? ARCI_DHCP_PHASE_REBINDING : ARCI_DHCP_PHASE_RENEWING;
    if (client->phase == ARCI_DHCP_PHASE_BOUND)
        arci_dhcp_client_exchange(client, now);
    else /* an answer that comes is to this message, and its times count from now */
        client->transaction = arci_dhcp_client_chance(client, UINT32_MAX);
    tell_unrenewed(client, now);
    client->requested_at = now;
    client->renamed = false;
    int64_t until = phase == ARCI_DHCP_PHASE_RENEWING ? client->rebind_at : client->expires_at;
    arci_dhcp_client_go_to(client, phase, now + renewal_wait(until, now));
    arci_dhcp_client_send_request(client, now);
}

static void lose(struct arci_dhcp_client *client, int64_t now)
{
    arci_dhcp_client_tell(client, "the DHCP lease of %s has ended: no server renewed it",
                          arci_dhcp_text_of(&client->grant.lease.address).text);
    client->hint = arci_ipv4_number(&client->grant.lease.address);
    arci_dhcp_client_start_anew(client, 0, now);
}

/* A renewal that has no answer yet has its own reason from the second message on. */
static void forget_contest(struct arci_dhcp_client *client)
{
    client->contested_until = INT64_MAX;
    bool renews = client->phase == ARCI_DHCP_PHASE_RENEWING || client->phase == ARCI_DHCP_PHASE_REBINDING;
    if (client->phase == ARCI_DHCP_PHASE_BOUND || (renews && client->sent <= 1))
        client->reason[0] = '\0';
}

void arci_dhcp_client_tick(struct arci_dhcp_client *client, int64_t now)
{
    if (now >= client->expires_at)
        lose(client, now);
    if (now >= client->contested_until)
        forget_contest(client);
    if (now < client->next_at)
        return;
    switch (client->phase) {
    case ARCI_DHCP_PHASE_INIT:
    case ARCI_DHCP_PHASE_SELECTING:
    case ARCI_DHCP_PHASE_DECLINED:
        discover(client, now);
        break;
    case ARCI_DHCP_PHASE_REQUESTING:
        request_again(client, now);
        break;
    case ARCI_DHCP_PHASE_REBOOTING:
        reboot_again(client, now);
        break;
    case ARCI_DHCP_PHASE_BOUND:
    case ARCI_DHCP_PHASE_RENEWING:
    case ARCI_DHCP_PHASE_REBINDING:
        renew(client, now);
        break;
    case ARCI_DHCP_PHASE_CHECKING:
    case ARCI_DHCP_PHASE_RELEASED:
        break;
    }
}

void arci_dhcp_client_bind(struct arci_dhcp_client *client)
{
    client->holds = true;
    client->refusals = client->conflicts = 0;
    client->hint = arci_ipv4_number(&client->grant.lease.address);
    client->reason[0] = '\0';
    client->told = false;
    arci_dhcp_client_go_to(client, ARCI_DHCP_PHASE_BOUND,
                           client->renamed ? client->requested_at : client->renew_at);
}

void arci_dhcp_client_rename(struct arci_dhcp_client *client, const char *hostname, int64_t now)
{
    if (strcmp(client->self.hostname, hostname) == 0)
        return;
    snprintf(client->self.hostname, sizeof client->self.hostname, "%s", hostname);
    client->renamed = client->phase != ARCI_DHCP_PHASE_INIT && client->phase != ARCI_DHCP_PHASE_DECLINED;
    if (client->phase == ARCI_DHCP_PHASE_BOUND || client->phase == ARCI_DHCP_PHASE_RENEWING ||
        client->phase == ARCI_DHCP_PHASE_REBINDING)
        client->next_at = now;
}

void arci_dhcp_client_accept(struct arci_dhcp_client *client, int64_t now)
{
    if (client->phase != ARCI_DHCP_PHASE_CHECKING)
        return;
    arci_dhcp_client_bind(client);
    arci_dhcp_client_tick(client, now); /* a lease of an earlier run may be due for renewal */
}

static void decline(struct arci_dhcp_client *client, const char *holder, int64_t now)
{
    if (client->phase != ARCI_DHCP_PHASE_CHECKING)
        return;
    int64_t wait = client->conflicts < CONFLICTS_MAX ? DECLINE_WAIT : CONFLICT_WAIT;
    client->conflicts++;
    client->hint = 0;
    arci_dhcp_client_tell(client, "%s offered by %s is in use by %s: declined",
                          arci_dhcp_text_of(&client->grant.lease.address).text,
                          arci_dhcp_text_of(&client->grant.lease.server).text, holder);
    arci_dhcp_client_send_decline(client);
    arci_dhcp_client_start_anew(client, wait, now);
    client->phase = ARCI_DHCP_PHASE_DECLINED;
}

void arci_dhcp_client_decline(struct arci_dhcp_client *client, const uint8_t mac[6], int64_t now)
{
    char holder[32];
    snprintf(holder, sizeof holder, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
             mac[5]);
    decline(client, holder, now);
}

void arci_dhcp_client_decline_own(struct arci_dhcp_client *client, const char *link, int64_t now)
{
    char holder[64];
    snprintf(holder, sizeof holder, "this host itself, on '%s'", link);
    decline(client, holder, now);
}

void arci_dhcp_client_contest(struct arci_dhcp_client *client, const uint8_t mac[6], int64_t now)
{
    if (!client->holds)
        return;
    bool known = client->contested_until != INT64_MAX && client->reason[0];
    client->contested_until = now + CONTEST_MEMORY;
    /* Who was heard first stands: else each frame of a flood were news, of which the agent's reconciler takes care. */
    if (known)
        return;
    arci_dhcp_client_tell(client,
                          "%s, which %s has granted to %s, is used by %02x:%02x:%02x:%02x:%02x:%02x too: one "
                          "of both has to go",
                          arci_dhcp_text_of(&client->grant.lease.address).text,
                          arci_dhcp_text_of(&client->grant.lease.server).text, client->interface, mac[0],
                          mac[1], mac[2], mac[3], mac[4], mac[5]);
}

void arci_dhcp_client_release(struct arci_dhcp_client *client)
{
    /* What was asked for may be granted, the answer on its way. */
    bool granted = client->phase == ARCI_DHCP_PHASE_CHECKING || client->phase == ARCI_DHCP_PHASE_REBOOTING ||
                   client->phase == ARCI_DHCP_PHASE_REQUESTING;
    if (client->holds || granted)
        arci_dhcp_client_send_release(client);
    client->holds = false;
    client->expires_at = client->contested_until = INT64_MAX;
    client->reason[0] = '\0';
    arci_dhcp_client_go_to(client, ARCI_DHCP_PHASE_RELEASED, INT64_MAX);
}

void arci_dhcp_client_link_changed(struct arci_dhcp_client *client, int64_t now)
{
    switch (client->phase) {
    case ARCI_DHCP_PHASE_INIT:
    case ARCI_DHCP_PHASE_SELECTING:
    case ARCI_DHCP_PHASE_REQUESTING:
    case ARCI_DHCP_PHASE_DECLINED:
        arci_dhcp_client_start_anew(client, 0, now);
        break;
    case ARCI_DHCP_PHASE_REBOOTING:
    case ARCI_DHCP_PHASE_CHECKING:
    case ARCI_DHCP_PHASE_BOUND:
    case ARCI_DHCP_PHASE_RENEWING:
    case ARCI_DHCP_PHASE_REBINDING:
        reboot(client, now);
        break;
    case ARCI_DHCP_PHASE_RELEASED:
        break;
    }
}

bool arci_dhcp_client_take(struct arci_dhcp_client *client, struct arci_dhcp_outgoing *ret_outgoing)
{
    if (!client->has_outgoing)
        return false;
    client->has_outgoing = false;
    *ret_outgoing = client->outgoing;
    return true;
}

enum arci_dhcp_state arci_dhcp_client_state(const struct arci_dhcp_client *client)
{
    switch (client->phase) {
    case ARCI_DHCP_PHASE_INIT:
    case ARCI_DHCP_PHASE_SELECTING:
    case ARCI_DHCP_PHASE_REQUESTING:
        return ARCI_DHCP_WAITING;
    case ARCI_DHCP_PHASE_REBOOTING:
        return ARCI_DHCP_CONFIRMING;
    case ARCI_DHCP_PHASE_CHECKING:
        return ARCI_DHCP_CHECKING;
    case ARCI_DHCP_PHASE_BOUND:
    case ARCI_DHCP_PHASE_RENEWING:
    case ARCI_DHCP_PHASE_REBINDING:
        return ARCI_DHCP_BOUND;
    case ARCI_DHCP_PHASE_DECLINED:
        return ARCI_DHCP_CONFLICT;
    case ARCI_DHCP_PHASE_RELEASED:
        break;
    }
    return ARCI_DHCP_RELEASED;
}
