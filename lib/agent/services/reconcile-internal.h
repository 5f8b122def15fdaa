/* The reconciler's state, for its own files. */
#ifndef ARCI_AGENT_RECONCILE_INTERNAL_H
#define ARCI_AGENT_RECONCILE_INTERNAL_H

#include "agent/services/reconcile.h"
#include "agent/services/service-plan.h"

struct arci_reconcile_waiter {
    struct arci_reconcile_waiter *next;
    void (*done)(void *context);
    void *context;
};

struct arci_reconciler {
    struct arctic_agent *agent;
    uv_work_t work;
    uv_timer_t timer; /* the next look at the kernel, or the next try after a failure */
    bool running;     /* a pass or a look is under way */
    bool again;       /* something changed since the last pass began */
    bool unpublished; /* the workers could not be given what the last pass has planned */
    bool fully;       /* the next pass is to compare all that the kernel holds */
    bool comparing;   /* the pass under way does */
    bool stopped;
    uint64_t retry_delay;
    enum arctic_license_state license_state; /* in the last pass */

    struct arci_service_plan *plan;        /* of the pass under way; read by its threads */
    struct arci_service_plan *applied;     /* of the last pass that ended; read by them too */
    struct arci_reconcile_waiter *served;  /* answered when the pass under way ends */
    struct arci_reconcile_waiter *waiting; /* answered when the pass after it ends */

    struct arci_snapshot
        *published; /* what the workers were given last, NULL: nothing; read by the pass's thread */

    /* Written by the thread of a pass or a look, read when it has ended. */
    struct arci_snapshot *built; /* NULL where none was, or could be, made */
    int build_code;
    struct arctic_error build_error;
    int outcome; /* of a pass */
    struct arctic_error failure;
    struct arci_kernel_status seen;

    /* What those who ask are told; the control loop's. */
    int code; /* of the last pass that ended */
    struct arctic_error error;
    struct arci_kernel_status status;
    struct arci_kernel_status left; /* as it was when nothing was to be repaired */
};

#endif
