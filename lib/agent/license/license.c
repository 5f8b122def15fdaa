/* The agent's licence: what it allows, and its replacement. */
#include "agent/license/license.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/secret.h"
#include "base/time.h"
#include "model/members.h"

#define DAY ((int64_t)24 * 60 * 60 * 1000)

/* What to do about a licence that has run out. */
#define UPDATE "install a new licence: arctic license update --license-file FILE"

int64_t arci_license_days_left(const struct arci_license *license, int64_t now)
{
    int64_t left = license->expires_at - now;
    return left >= 0 ? left / DAY : -((-left + DAY - 1) / DAY);
}

int arci_license_check_request(const struct arctic_agent *agent, bool change, struct arctic_error *error)
{
    const struct arci_license *license = agent->license;
    enum arctic_license_state state = arci_license_state_at(license, arci_time_now());
    char ended[ARCI_TIME_TEXT];
    char suspended[ARCI_TIME_TEXT];
    arci_time_format(license->expires_at, ended);
    if (state == ARCTIC_LICENSE_SUSPENDED)
        return arci_fail(error, ARCTIC_E_LICENSE_SUSPENDED, NULL,
                         "the licence %s expired at %s, and its services have stopped: " UPDATE,
                         license->license_id.text, ended);
    if (state == ARCTIC_LICENSE_READ_ONLY && change)
        return arci_fail(
            error, ARCTIC_E_LICENSE_READ_ONLY, NULL,
            "the licence %s expired at %s: changes are refused, and services stop at %s; " UPDATE,
            license->license_id.text, ended,
            arci_time_format(arci_license_state_ends_at(license, arci_time_now()), suspended));
    return ARCTIC_OK;
}

static int read_stored(struct arctic_agent *agent, const char *text, struct arctic_error *error)
{
    json_t *parsed = NULL;
    int code = arci_json_parse(text, strlen(text), &parsed, error);
    ARCI_JSON *object = parsed;
    return code < 0 ? code
                    : arci_license_from_json(object, ARCI_LICENSE_FILE, &agent->trust_roots,
                                             &agent->own_license, error);
}

int arci_license_load(struct arctic_agent *agent, struct arctic_error *error)
{
    const char *directory = agent->settings.data_dir;
    ARCI_CLEANUP(arci_secret_cleanup) char *text = NULL;
    int code = arci_store_get_note(agent->store, "agent", "license", &text, error);
    if (code < 0)
        return code;
    if (!text)
        return arci_fail(error, ARCTIC_E_CORRUPT, NULL,
                         "%s/arctic.db has no licence: restore a backup, or empty %s and bootstrap anew",
                         directory, directory);
    struct arctic_error problem;
    code = read_stored(agent, text, &problem);
    if (code == ARCTIC_E_NO_MEMORY)
        return arci_fail_memory(error);
    agent->license = agent->own_license;
    if (code >= 0)
        return arci_license_load_told(agent, error);
    return arci_fail(error, ARCTIC_E_LICENSE_INVALID, NULL,
                     "the agent does not start with the licence stored in %.80s/arctic.db: %.180s. Run the "
                     "build that it was installed with, restore a backup, or empty %.60s and bootstrap anew",
                     directory, problem.message, directory);
}

void arci_license_forget(struct arctic_agent *agent)
{
    json_decref(agent->admission);
    agent->admission = NULL;
    arci_license_free(agent->own_license);
    arci_license_free(agent->told_license);
    agent->own_license = agent->told_license = NULL;
    agent->license = NULL;
}

bool arci_license_follows(const struct arci_license *license, const struct arci_license *other)
{
    if (license->issued_at != other->issued_at)
        return license->issued_at > other->issued_at;
    return strcmp(license->license_id.text, other->license_id.text) > 0;
}

/* --- Replacement. ---------------------------------------------------------------------------------------------------------- */

static int check_successor(const struct arci_license *present, const struct arci_license *next,
                           struct arctic_error *error)
{
    char when[ARCI_TIME_TEXT];
    char former[ARCI_TIME_TEXT];
    if (!arctic_id_equal(&next->customer_id, &present->customer_id))
        return arci_fail(
            error, ARCTIC_E_LICENSE_MISMATCH, "license",
            "the licence %s is of customer %s, this agent's is of %s: issue it with --customer %s",
            next->license_id.text, next->customer_id.text, present->customer_id.text,
            present->customer_id.text);
    if (arci_time_now() >= next->expires_at)
        return arci_fail(error, ARCTIC_E_LICENSE_EXPIRED, "license",
                         "the licence %s expired at %s: get one that is still good", next->license_id.text,
                         arci_time_format(next->expires_at, when));
    if (arci_license_follows(present, next))
        return arci_fail(
            error, ARCTIC_E_LICENSE_INVALID, "license",
            "the licence %s of %s does not follow the present one, %s of %s: the later one holds, and of two "
            "of one moment the one with the greater id",
            next->license_id.text, arci_time_format(next->issued_at, when), present->license_id.text,
            arci_time_format(present->issued_at, former));
    return ARCTIC_OK;
}

static int store_license(struct arctic_agent *agent, const struct arci_license *license,
                         struct arctic_error *error)
{
    ARCI_CLEANUP(arci_secret_cleanup) char *text = NULL;
    int code = arci_license_to_text(license, &text, error);
    return code < 0 ? code : arci_store_put_note(agent->store, "agent", "license", text, error);
}

int arci_license_replace(struct arctic_agent *agent, const json_t *object, struct arctic_error *error)
{
    ARCI_LICENSE *next = NULL;
    struct arctic_error unwanted;
    int code = arci_license_from_json(object, ARCI_LICENSE_FILE, &agent->trust_roots, &next, error);
    if (code >= 0)
        code = check_successor(agent->license, next, error);
    if (code < 0 || json_equal(next->document, agent->own_license->document))
        return code;
    code = store_license(agent, next, error);
    if (code < 0)
        return code;
    arci_license_free(agent->own_license);
    agent->own_license = arci_steal(next);
    json_decref(agent->admission);
    agent->admission = NULL;
    /* Where it stays on disk the later one of the two is taken at the next start: this one. */
    (void)arci_license_forget_told(agent, &unwanted);
    arci_license_publish(agent);
    return ARCTIC_OK;
}

/* --- The API's form. ------------------------------------------------------------------------------------------------------- */

static bool put_terms(json_t *object, const struct arci_license *license)
{
    const json_t *features = json_object_get(license->document, "features");
    return arci_put_text(object, "customer_id", license->customer_id.text) &&
           arci_put_text(object, "license_id", license->license_id.text) &&
           arci_put_time(object, "issued_at", license->issued_at) &&
           arci_put_time(object, "expires_at", license->expires_at) &&
           arci_put_integer(object, "max_nodes", license->max_nodes) &&
           arci_put_integer(object, "max_services", license->max_services) &&
           json_object_set_new(object, "features", arci_json_copy(features)) == 0;
}

static bool put_state(json_t *object, const struct arctic_agent *agent)
{
    const struct arci_license *license = agent->license;
    int64_t now = arci_time_now();
    return arci_put_text(object, "state",
                         arctic_license_state_name((int32_t)arci_license_state_at(license, now))) &&
           arci_put_time(object, "state_since", agent->license_watch.since) &&
           arci_put_integer(object, "days_left", arci_license_days_left(license, now)) &&
           arci_put_time(object, "read_only_at", arci_license_state_ends_at(license, license->expires_at)) &&
           arci_put_time(
               object, "suspended_at",
               arci_license_state_ends_at(license, arci_license_state_ends_at(license, license->expires_at)));
}

json_t *arci_license_to_json(const struct arctic_agent *agent)
{
    ARCI_JSON *object = json_object();
    ARCI_JSON *usage = json_object();
    size_t services = arci_registry_count(agent->registry, ARCI_RECORD_SERVICE);
    bool good = object && usage && put_state(object, agent) && put_terms(object, agent->license) &&
                arci_put_integer(usage, "nodes", (int64_t)arci_registry_count_members(agent->registry)) &&
                arci_put_integer(usage, "services", (int64_t)services) &&
                json_object_set(object, "usage", usage) == 0;
    return good ? arci_steal(object) : NULL;
}
