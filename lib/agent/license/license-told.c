/* A licence that was installed at another peer: of several ones of one customer the one that was issued last holds everywhere. */
#include <string.h>

#include "agent/license/license.h"
#include "agent/local-peer.h"
#include "agent/services/reconcile.h"
#include "base/error.h"
#include "base/time.h"

#define NOTE "told_license"

static bool is_later(const struct arctic_agent *agent, const struct arci_license *license)
{
    const struct arci_license *present = agent->license;
    return arctic_id_equal(&license->customer_id, &present->customer_id) &&
           arci_license_follows(license, present);
}

/* NULL for one that changes nothing here: most of those that are heard, which are not worth the check of a signature. */
static struct arci_license *read_later(struct arctic_agent *agent, const json_t *document)
{
    ARCI_LICENSE *license = NULL;
    if (arci_license_read(document, ARCI_LICENSE_SHOWN, &license, NULL) < 0 || !is_later(agent, license) ||
        arci_license_verify(license, &agent->trust_roots, NULL) < 0)
        return NULL;
    return arci_steal(license);
}

static int store(struct arctic_agent *agent, const struct arci_license *license, struct arctic_error *error)
{
    ARCI_FREE char *text = arci_json_canonical(license->document);
    if (!text)
        return arci_fail_memory(error);
    return arci_store_put_note(agent->store, "agent", NOTE, text, error);
}

static void hold(struct arctic_agent *agent, struct arci_license *license)
{
    arci_license_free(agent->told_license);
    agent->told_license = license;
    agent->license = license ? license : agent->own_license;
}

void arci_license_publish(struct arctic_agent *agent)
{
    struct arctic_error error;
    if (agent->catch_up)
        return;
    if (arci_local_peer_refresh(agent, &error) < 0)
        arci_log_error(agent->log, "license", "the peers do not hear of the licence before the next start",
                       ARCI_ERROR(&error));
}

void arci_license_hear(struct arctic_agent *agent, const json_t *document)
{
    struct arctic_error error;
    if (!document || json_equal(document, agent->license->document))
        return;
    ARCI_LICENSE *license = read_later(agent, document);
    if (!license)
        return;
    if (store(agent, license, &error) < 0) {
        arci_log_error(agent->log, "license", "cannot store the licence that the other peers have",
                       ARCI_TEXT("license_id", license->license_id.text), ARCI_ERROR(&error));
        return;
    }
    arci_log_info(agent->log, "license", "a later licence was installed at another peer and holds here too",
                  ARCI_TEXT("license_id", license->license_id.text),
                  ARCI_TEXT("former_license_id", agent->license->license_id.text),
                  ARCI_INT("max_nodes", license->max_nodes), ARCI_INT("max_services", license->max_services));
    hold(agent, arci_steal(license));
    arci_license_watch_look(agent);
    arci_license_publish(agent);
    arci_reconcile_request(agent);
}

enum arctic_license_state arci_license_told_state(struct arctic_agent *agent, const json_t *document)
{
    ARCI_LICENSE *license = NULL;
    if (!document ||
        arci_license_from_json(document, ARCI_LICENSE_SHOWN, &agent->trust_roots, &license, NULL) < 0 ||
        !arctic_id_equal(&license->customer_id, &agent->license->customer_id))
        return ARCTIC_LICENSE_SUSPENDED;
    return arci_license_state_at(license, arci_time_now());
}

void arci_license_hear_all(struct arctic_agent *agent)
{
    const struct arci_entry *entry;
    size_t cursor = 0;
    while ((entry = arci_registry_next(agent->registry, ARCI_RECORD_PEER, &cursor))) {
        const struct arci_entry *kept = arci_entry_ref(entry);
        arci_license_hear(agent, kept->content.peer.license);
        arci_entry_unref(kept);
    }
}

int arci_license_load_told(struct arctic_agent *agent, struct arctic_error *error)
{
    ARCI_FREE char *text = NULL;
    int code = arci_store_get_note(agent->store, "agent", NOTE, &text, error);
    if (code < 0 || !text)
        return code;
    json_t *parsed = NULL;
    code = arci_json_parse(text, strlen(text), &parsed, error);
    ARCI_JSON *document = parsed;
    if (code == ARCTIC_E_NO_MEMORY)
        return code;
    /* One that is damaged, or that this build does not trust, is told again. */
    struct arci_license *license = document ? read_later(agent, document) : NULL;
    if (license)
        hold(agent, license);
    return ARCTIC_OK;
}

int arci_license_forget_told(struct arctic_agent *agent, struct arctic_error *error)
{
    hold(agent, NULL);
    return arci_store_put_note(agent->store, "agent", NOTE, NULL, error);
}
