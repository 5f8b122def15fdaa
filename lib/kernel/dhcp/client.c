/* Transitions of the client's state machine. */
#include "kernel/dhcp/client.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <arctic/address.h>

#include "base/time.h"
#include "kernel/dhcp/client-send.h"
#include "kernel/dhcp/ipv4.h"

#define SECOND INT64_C(1000)

/* RFC 2131 section 4.4.1 has the first message wait for 1 to 10 s, for whole buildings that begin at once; this host's services do with less. */
#define START_WAIT_MS 1000
/* RFC 2131 section 4.1: 4, 8, 16, 32, 64 s and so on, each one second more or less. */
#define RESEND_FIRST (4 * SECOND)
#define RESEND_DOUBLINGS 4
#define RESEND_SCATTER SECOND
#define REQUESTS_MAX 4               /* for an offer: a minute, section 3.1 */
#define REBOOTS_MAX 2                /* for an earlier lease, which is good without an answer too: 12 s */
#define RENEW_WAIT_MIN (60 * SECOND) /* section 4.4.5 */
#define DECLINE_WAIT (10 * SECOND)   /* section 3.1 */
#define CONFLICTS_MAX 10             /* RFC 5227 section 1.1: MAX_CONFLICTS and RATE_LIMIT_INTERVAL */
#define CONFLICT_WAIT (60 * SECOND)
#define CONTEST_MEMORY (60 * SECOND) /* after the last sign of another user all is well again */
#define REFUSAL_DOUBLINGS 6 /* a server that offers and then refuses is asked once a minute in the end */

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

struct address_text {
    char text[ARCTIC_ADDRESS_TEXT];
};

static struct address_text text_of(const struct arctic_address *address)
{
    struct address_text text;
    arctic_address_format(address, text.text);
    return text;
}

/* What is waited for, with the time that has passed without an answer; what was told last stands over one repetition. */
static void tell_waiting(struct arci_dhcp_client *client, int64_t now)
{
    long long seconds = (now - client->asking_since) / SECOND;
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

static void go_to(struct arci_dhcp_client *client, enum arci_dhcp_phase phase, int64_t next_at)
{
    client->phase = phase;
    client->next_at = next_at;
}

/* Whatever was granted counts no more. */
static void start_anew(struct arci_dhcp_client *client, int64_t wait, int64_t now)
{
    client->holds = false;
    client->has_server_mac = false;
    client->renew_at = client->rebind_at = client->expires_at = client->contested_until = INT64_MAX;
    arci_dhcp_client_exchange(client, now);
    go_to(client, ARCI_DHCP_PHASE_INIT, now + wait);
}

void arci_dhcp_client_init(struct arci_dhcp_client *client, const struct arci_dhcp_self *self,
                           const char *interface, uint64_t seed, int64_t now)
{
    *client = (struct arci_dhcp_client){.self = *self, .random = seed};
    snprintf(client->interface, sizeof client->interface, "%s", interface);
    start_anew(client, arci_dhcp_client_chance(client, START_WAIT_MS), now);
    tell_waiting(client, now);
}

/* Seconds to a moment of a lease by the wall clock, which may have been set meanwhile: no lease is longer than 32 bits tell. */
static int64_t moment_of(int64_t at, int64_t now, int64_t wall)
{
    if (at == ARCI_DHCP_FOREVER)
        return INT64_MAX;
    int64_t left = at > wall ? at - wall : 0;
    return now + (left < UINT32_MAX ? left : UINT32_MAX) * SECOND;
}

static void reboot(struct arci_dhcp_client *client, int64_t now)
{
    arci_dhcp_client_exchange(client, now);
    go_to(client, ARCI_DHCP_PHASE_REBOOTING, now);
    arci_dhcp_client_tell(client, "asking whether the DHCP lease of %s on %s still holds",
                          text_of(&client->grant.lease.address).text, client->interface);
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
    go_to(client, ARCI_DHCP_PHASE_SELECTING, now + resend_wait(client));
}

static void request(struct arci_dhcp_client *client, int64_t now)
{
    if (client->sent == 0)
        client->requested_at = now;
    arci_dhcp_client_send_request(client, now);
    client->next_at = now + resend_wait(client);
}

static void request_again(struct arci_dhcp_client *client, int64_t now)
{
    if (client->sent < REQUESTS_MAX) {
        request(client, now);
        return;
    }
    arci_dhcp_client_tell(client, "%s offered %s and does not grant it: asking again",
                          text_of(&client->grant.lease.server).text,
                          text_of(&client->grant.lease.address).text);
    start_anew(client, 0, now);
}

static void check(struct arci_dhcp_client *client)
{
    arci_dhcp_client_tell(client, "asking on %s whether another host uses %s", client->interface,
                          text_of(&client->grant.lease.address).text);
    go_to(client, ARCI_DHCP_PHASE_CHECKING, INT64_MAX);
}

/* RFC 2131 section 3.2: without an answer an earlier lease may be used until it ends. */
static void reboot_again(struct arci_dhcp_client *client, int64_t now)
{
    if (client->sent < REBOOTS_MAX)
        request(client, now);
    else
        check(client);
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
                          text_of(&client->grant.lease.address).text,
                          (long long)((now - client->asking_since) / SECOND), ends);
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
    int64_t until = phase == ARCI_DHCP_PHASE_RENEWING ? client->rebind_at : client->expires_at;
    go_to(client, phase, now + renewal_wait(until, now));
    arci_dhcp_client_send_request(client, now);
}

static void lose(struct arci_dhcp_client *client, int64_t now)
{
    arci_dhcp_client_tell(client, "the DHCP lease of %s has ended: no server renewed it",
                          text_of(&client->grant.lease.address).text);
    client->hint = arci_ipv4_number(&client->grant.lease.address);
    start_anew(client, 0, now);
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

static bool is_for(const struct arci_dhcp_client *client, const struct arci_dhcp_reply *reply)
{
    if (client->sent == 0 || reply->transaction != client->transaction)
        return false;
    if (memcmp(reply->mac, client->self.mac, sizeof reply->mac) != 0)
        return false;
    return !reply->has_identifier ||
           memcmp(reply->identifier, client->self.identifier, sizeof reply->identifier) == 0;
}

static void tell_refused(struct arci_dhcp_client *client, const struct arci_dhcp_reply *reply,
                         const char *fault)
{
    struct arctic_address address = arci_ipv4_address(reply->address);
    struct arctic_address server = arci_ipv4_address(reply->server);
    arci_dhcp_client_tell(client, "%s offered by %s is not accepted: %s",
                          reply->address ? text_of(&address).text : "0.0.0.0", text_of(&server).text, fault);
}

/* The first one that can be accepted: one server is the rule, and with several all are good. */
static void take_offer(struct arci_dhcp_client *client, const struct arci_dhcp_reply *reply, int64_t now)
{
    struct arci_dhcp_grant grant;
    const char *fault = arci_dhcp_grant_read(reply, 0, &grant);
    if (fault) {
        tell_refused(client, reply, fault);
        return;
    }
    client->grant = grant;
    client->sent = 0;
    go_to(client, ARCI_DHCP_PHASE_REQUESTING, now);
    request(client, now);
}

static int64_t later(int64_t from, uint32_t seconds)
{
    return seconds == ARCI_DHCP_DURATION_FOREVER ? INT64_MAX : from + seconds * SECOND;
}

static int64_t wall_later(int64_t from, uint32_t seconds)
{
    return seconds == ARCI_DHCP_DURATION_FOREVER ? ARCI_DHCP_FOREVER : from + seconds;
}

/* RFC 2131 section 4.4.5: times count from when the request was sent. */
static void set_times(struct arci_dhcp_client *client, struct arci_dhcp_grant *grant, int64_t now,
                      int64_t wall)
{
    int64_t from = client->requested_at;
    int64_t wall_from = wall - (now - from) / SECOND;
    client->renew_at = later(from, grant->renew_after);
    client->rebind_at = later(from, grant->rebind_after);
    client->expires_at = later(from, grant->duration);
    grant->lease.renew_at = wall_later(wall_from, grant->renew_after);
    grant->lease.rebind_at = wall_later(wall_from, grant->rebind_after);
    grant->lease.expires_at = wall_later(wall_from, grant->duration);
}

static void bind(struct arci_dhcp_client *client)
{
    client->holds = true;
    client->refusals = client->conflicts = 0;
    client->hint = arci_ipv4_number(&client->grant.lease.address);
    client->reason[0] = '\0';
    client->told = false;
    go_to(client, ARCI_DHCP_PHASE_BOUND, client->renew_at);
}

static bool is_from_its_server(const struct arci_dhcp_client *client, const struct arci_dhcp_reply *reply)
{
    return reply->server == arci_ipv4_number(&client->grant.lease.server);
}

static void take_ack(struct arci_dhcp_client *client, const struct arci_dhcp_reply *reply,
                     const uint8_t mac[6], int64_t now, int64_t wall)
{
    struct arci_dhcp_grant grant;
    if (client->phase == ARCI_DHCP_PHASE_REQUESTING && !is_from_its_server(client, reply))
        return;
    const char *fault = arci_dhcp_grant_read(reply, arci_dhcp_client_chance(client, UINT32_MAX), &grant);
    if (!fault && arctic_address_compare(&grant.lease.address, &client->grant.lease.address) != 0)
        fault = "it is not the address that was asked for";
    if (fault) {
        tell_refused(client, reply, fault);
        return;
    }
    set_times(client, &grant, now, wall);
    client->grant = grant;
    memcpy(client->server_mac, mac, sizeof client->server_mac);
    client->has_server_mac = true;
    if (client->phase == ARCI_DHCP_PHASE_RENEWING || client->phase == ARCI_DHCP_PHASE_REBINDING)
        bind(client);
    else
        check(client);
}

/* RFC 2131 section 3.1: begin anew; a server that goes on refusing is asked more and more seldom. */
static void take_nak(struct arci_dhcp_client *client, const struct arci_dhcp_reply *reply, int64_t now)
{
    bool one_asked = client->phase == ARCI_DHCP_PHASE_REQUESTING || client->phase == ARCI_DHCP_PHASE_RENEWING;
    struct arctic_address server = arci_ipv4_address(reply->server);
    if (one_asked && !is_from_its_server(client, reply))
        return;
    unsigned doublings = client->refusals < REFUSAL_DOUBLINGS ? client->refusals : REFUSAL_DOUBLINGS;
    client->refusals++;
    client->hint = 0;
    bool says = reply->comment[0] != '\0';
    arci_dhcp_client_tell(client, "%s refuses %s to %s%s%s%s: asking for another address",
                          text_of(&server).text, text_of(&client->grant.lease.address).text,
                          client->interface, says ? " (" : "", reply->comment, says ? ")" : "");
    start_anew(client, (SECOND << doublings) - arci_dhcp_client_chance(client, START_WAIT_MS), now);
}

void arci_dhcp_client_receive(struct arci_dhcp_client *client, const struct arci_dhcp_reply *reply,
                              const uint8_t mac[6], int64_t now, int64_t wall)
{
    if (!is_for(client, reply))
        return;
    switch (client->phase) {
    case ARCI_DHCP_PHASE_SELECTING:
        if (reply->type == ARCI_DHCP_OFFER)
            take_offer(client, reply, now);
        break;
    case ARCI_DHCP_PHASE_REQUESTING:
    case ARCI_DHCP_PHASE_REBOOTING:
    case ARCI_DHCP_PHASE_RENEWING:
    case ARCI_DHCP_PHASE_REBINDING:
        if (reply->type == ARCI_DHCP_ACK)
            take_ack(client, reply, mac, now, wall);
        else if (reply->type == ARCI_DHCP_NAK)
            take_nak(client, reply, now);
        break;
    case ARCI_DHCP_PHASE_INIT:
    case ARCI_DHCP_PHASE_CHECKING:
    case ARCI_DHCP_PHASE_BOUND:
    case ARCI_DHCP_PHASE_DECLINED:
    case ARCI_DHCP_PHASE_RELEASED:
        break;
    }
}

void arci_dhcp_client_accept(struct arci_dhcp_client *client, int64_t now)
{
    if (client->phase != ARCI_DHCP_PHASE_CHECKING)
        return;
    bind(client);
    arci_dhcp_client_tick(client, now); /* a lease of an earlier run may be due for renewal */
}

void arci_dhcp_client_decline(struct arci_dhcp_client *client, const uint8_t mac[6], int64_t now)
{
    if (client->phase != ARCI_DHCP_PHASE_CHECKING)
        return;
    int64_t wait = client->conflicts < CONFLICTS_MAX ? DECLINE_WAIT : CONFLICT_WAIT;
    client->conflicts++;
    client->hint = 0;
    arci_dhcp_client_tell(client, "%s offered by %s is in use by %02x:%02x:%02x:%02x:%02x:%02x: declined",
                          text_of(&client->grant.lease.address).text,
                          text_of(&client->grant.lease.server).text, mac[0], mac[1], mac[2], mac[3], mac[4],
                          mac[5]);
    arci_dhcp_client_send_decline(client);
    start_anew(client, wait, now);
    client->phase = ARCI_DHCP_PHASE_DECLINED;
}

void arci_dhcp_client_contest(struct arci_dhcp_client *client, const uint8_t mac[6], int64_t now)
{
    if (!client->holds)
        return;
    client->contested_until = now + CONTEST_MEMORY;
    arci_dhcp_client_tell(client,
                          "%s, which %s has granted to %s, is used by %02x:%02x:%02x:%02x:%02x:%02x too: one "
                          "of both has to go",
                          text_of(&client->grant.lease.address).text,
                          text_of(&client->grant.lease.server).text, client->interface, mac[0], mac[1],
                          mac[2], mac[3], mac[4], mac[5]);
}

void arci_dhcp_client_release(struct arci_dhcp_client *client)
{
    bool granted = client->phase == ARCI_DHCP_PHASE_CHECKING || client->phase == ARCI_DHCP_PHASE_REBOOTING;
    if (client->holds || granted)
        arci_dhcp_client_send_release(client);
    client->holds = false;
    client->expires_at = client->contested_until = INT64_MAX;
    client->reason[0] = '\0';
    go_to(client, ARCI_DHCP_PHASE_RELEASED, INT64_MAX);
}

void arci_dhcp_client_link_changed(struct arci_dhcp_client *client, int64_t now)
{
    switch (client->phase) {
    case ARCI_DHCP_PHASE_INIT:
    case ARCI_DHCP_PHASE_SELECTING:
    case ARCI_DHCP_PHASE_REQUESTING:
    case ARCI_DHCP_PHASE_DECLINED:
        start_anew(client, 0, now);
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
