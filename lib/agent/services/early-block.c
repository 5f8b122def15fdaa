/* See early-block.h. */
#include "agent/services/early-block.h"

#include "agent/services/data-plane.h"
#include "agent/services/service-plan.h"
#include "base/error.h"

ARCI_DEFINE_CLEANUP(struct arci_service_plan *, arci_service_plan_free, plan_cleanup)

static int apply(struct arctic_agent *agent, const struct arci_service_plan *plan, struct arctic_error *error)
{
    const struct arci_kernel_wish wish = {
        .services = plan->kernel,
        .service_count = plan->kernel_count,
        .spared = plan->spared,
        .spared_count = plan->spared_count,
    };
    uv_mutex_lock(&agent->kernel_lock);
    int code = arci_kernel_apply(agent->kernel, &wish, error);
    uv_mutex_unlock(&agent->kernel_lock);
    return code;
}

void arci_early_block(struct arctic_agent *agent)
{
    ARCI_CLEANUP(plan_cleanup) struct arci_service_plan *plan = NULL;
    struct arctic_error error = {0};
    int code = arci_service_plan_make_blocking(agent, &plan, &error);
    if (code >= 0 && (plan->kernel_count == 0 || arci_data_plane_start_kernel(agent, &error) < 0))
        return;
    if (code >= 0)
        code = apply(agent, plan, &error);
    if (code < 0)
        arci_log_warn(agent->log, "fwmgr", "services that block do so only once the agent has started",
                      ARCI_ERROR(&error));
}
