/* See retire.h. */
#include "agent/interfaces/retire.h"

#include <stdlib.h>

struct retired {
    uv_work_t work;
    struct arci_address_check *check;
    struct arci_dhcp *dhcp;
};

static void free_on_thread(uv_work_t *work)
{
    const struct retired *retired = work->data;
    arci_address_check_free(retired->check);
    arci_dhcp_free(retired->dhcp);
}

static void end(uv_work_t *work, int status)
{
    (void)status; /* nobody cancels it */
    free(work->data);
}

void arci_interface_retire(uv_loop_t *loop, struct arci_address_check *check, struct arci_dhcp *dhcp)
{
    if (!check && !dhcp)
        return;
    struct retired *retired = calloc(1, sizeof *retired);
    if (retired) {
        *retired = (struct retired){.check = check, .dhcp = dhcp};
        retired->work.data = retired;
        if (uv_queue_work(loop, &retired->work, free_on_thread, end) == 0)
            return;
    }
    arci_address_check_free(check);
    arci_dhcp_free(dhcp);
    free(retired);
}
