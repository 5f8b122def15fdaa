/* See counting.h. */
#include "agent/services/counting.h"

#include "base/error.h"

#define INTERVAL_MS 1000
#define LOOKS_AT_ONCE 4096 /* routes: well below a millisecond of the control loop */

bool arci_counting_service_exists(void *user, const struct arctic_id *service_id)
{
    const struct arctic_agent *agent = user;
    return arci_registry_find(agent->registry, ARCI_RECORD_SERVICE, service_id) != NULL;
}

static void on_timer(uv_timer_t *timer)
{
    struct arctic_agent *agent = timer->data;
    struct arci_counting *counting = &agent->counting;
    const struct arci_entry *entry;
    size_t looked = 0;
    while (agent->proxy && looked < LOOKS_AT_ONCE &&
           (entry = arci_registry_next(agent->registry, ARCI_RECORD_SERVICE, &counting->next)))
        looked += arci_proxy_prune_routes(agent->proxy, &entry->record.id, &entry->content.service.routes,
                                          LOOKS_AT_ONCE - looked);
    if (looked < LOOKS_AT_ONCE)
        counting->next = 0;
}

int arci_counting_create(struct arctic_agent *agent, struct arctic_error *error)
{
    uv_timer_t *timer = &agent->counting.timer;
    int result = uv_timer_init(&agent->loop, timer);
    if (result < 0)
        return arci_fail_errnum(error, -result, "cannot make a timer");
    timer->data = agent;
    uv_timer_start(timer, on_timer, INTERVAL_MS, INTERVAL_MS);
    return ARCTIC_OK;
}

void arci_counting_stop(struct arctic_agent *agent)
{
    uv_timer_t *timer = &agent->counting.timer;
    if (timer->data && !uv_is_closing((uv_handle_t *)timer))
        uv_close((uv_handle_t *)timer, NULL);
}
