/* What lib/kernel makes on its way to the kernel, with each allocation failing in turn: refused whole, nothing leaked. */
#include "tests/unit/unit.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/dhcp/dhcp.h"
#include "kernel/interface/address-check.h"
#include "kernel/interface/interface.h"
#include "kernel/interface/link.h"
#include "kernel/interface/parent-setting.h"
#include "kernel/monitor.h"
#include "kernel/nft/contents.h"
#include "kernel/nft/netfilter-private.h"
#include "kernel/nft/plan.h"
#include "kernel/nft/ruleset.h"
#include "kernel/sysctl-file.h"
#include "tests/unit/alloc-failure.h"
#include "tests/unit/kernel-services.h"

#define ROUNDS 12

/* What failed for want of memory says so. */
static bool succeeded(int code)
{
    if (code < 0)
        assert_int_equal(code, ARCTIC_E_NO_MEMORY);
    return code == ARCTIC_OK;
}

/* --- The plan. --- */

struct step {
    struct random_services services;
    struct arci_marks marks;
    struct arci_plan before;
    struct arci_plan after; /* from `before`; of plan_attempt() a copy of this comes out */
};

static int plan(const struct step *step, const struct arci_plan *previous, struct arci_plan *ret_plan)
{
    static const struct arctic_endpoint spared[] = {
        {{.family = ARCTIC_FAMILY_IPV4, .bytes = {10, 9, 0, 2}}, 61000},
        {{.family = ARCTIC_FAMILY_IPV6, .bytes = {0xfd, 9}}, 61000},
    };
    ARCI_CLEANUP(arci_plan_release) struct arci_plan made = {0};
    int code =
        arci_plan_make(step->services.services, step->services.count, &step->marks, previous, &made, NULL);
    if (code >= 0)
        code = arci_plan_spare(&made, spared, 2, NULL);
    if (code < 0)
        return code;
    *ret_plan = made;
    made = (struct arci_plan){0};
    return ARCTIC_OK;
}

/* Services that come, go and change, so that a plan takes over some tuples and makes others. */
static void make_step(struct test_random *dice, struct step *step)
{
    static struct random_services before;
    bool kept[SERVICES];
    step->marks = arci_marks_of(ARCI_MARK_MASK_DEFAULT);
    random_services(dice, &before);
    step->services = before;
    assert_int_equal(plan(step, &(struct arci_plan){0}, &step->before), ARCTIC_OK);
    random_changes(dice, &before, &step->services, kept);
    assert_int_equal(plan(step, &step->before, &step->after), ARCTIC_OK);
}

static void release_step(struct step *step)
{
    arci_plan_release(&step->before);
    arci_plan_release(&step->after);
}

static bool plan_attempt(void *context)
{
    const struct step *step = context;
    ARCI_CLEANUP(arci_plan_release) struct arci_plan made = {0};
    if (!succeeded(plan(step, &step->before, &made))) {
        assert_null(made.services);
        return false;
    }
    assert_int_equal(made.tuples.count, step->after.tuples.count);
    return true;
}

static bool contents_attempt(void *context)
{
    const struct step *step = context;
    struct arci_contents contents;
    return succeeded(arci_contents_expect(&step->after, &contents, NULL));
}

/* Text says at its end whether it is whole: what is not is never run. */
static bool text_attempt(void *context)
{
    const struct step *step = context;
    ARCI_BUFFER text = {0};
    arci_ruleset_create(&text, &step->marks, false, true, &step->before);
    arci_ruleset_change(&text, &step->marks, &step->before, &step->after);
    return !text.failed;
}

static void plans_and_their_text(void **state)
{
    (void)state;
    static struct step step;
    struct test_random dice = {5};
    for (int round = 0; round < ROUNDS; round++) {
        make_step(&dice, &step);
        alloc_failure_try_all(plan_attempt, &step);
        alloc_failure_try_all(contents_attempt, &step);
        alloc_failure_try_all(text_attempt, &step);
        release_step(&step);
    }
}

/* --- Netlink. What libnl allocates for itself goes past the wraps. --- */

static bool netfilter_attempt(void *context)
{
    (void)context;
    struct arci_netfilter *netfilter = NULL;
    bool made = succeeded(arci_netfilter_create(&netfilter, NULL));
    arci_netfilter_free(netfilter);
    return made;
}

static bool interfaces_attempt(void *context)
{
    (void)context;
    struct arci_interfaces *interfaces = NULL;
    bool made = succeeded(arci_interfaces_create("/nonexistent/parents.json", NULL, &interfaces, NULL));
    arci_interfaces_free(interfaces);
    return made;
}

static bool monitor_attempt(void *context)
{
    (void)context;
    struct arci_monitor *monitor = NULL;
    bool opened = succeeded(arci_monitor_open(0, &monitor, NULL));
    arci_monitor_close(monitor);
    return opened;
}

static bool links_attempt(void *context)
{
    ARCI_CLEANUP(arci_links_release) struct arci_links links = {0};
    bool read = succeeded(arci_links_read(context, &links, NULL));
    assert_int_equal(read, arci_links_by_name(&links, "lo") != NULL);
    return read;
}

static void netlink(void **state)
{
    (void)state;
    struct nl_sock *socket = nl_socket_alloc();
    assert_non_null(socket);
    assert_true(nl_connect(socket, NETLINK_ROUTE) >= 0);
    alloc_failure_try_all(netfilter_attempt, NULL);
    alloc_failure_try_all(interfaces_attempt, NULL);
    alloc_failure_try_all(monitor_attempt, NULL);
    alloc_failure_try_all(links_attempt, socket);
    nl_socket_free(socket);
}

/* --- Packet sockets, which need CAP_NET_RAW. --- */

static bool dhcp_attempt(void *context)
{
    (void)context;
    static const struct arctic_id service = {"svc_01JD2Q4Y7M8N9P0QRSTVWXYZ0A"};
    const struct arci_dhcp_options options = {.interface_index = 1, .interface = "lo", .service = &service};
    struct arci_dhcp *dhcp = NULL;
    bool started = succeeded(arci_dhcp_start(&options, &dhcp, NULL));
    arci_dhcp_free(dhcp);
    return started;
}

static bool check_attempt(void *context)
{
    (void)context;
    const struct arci_address_check_options options = {
        .interface_index = 1,
        .interface = "lo",
        .address = {.family = ARCTIC_FAMILY_IPV4, .bytes = {10, 1, 2, 3}},
        .unit = 1000,
    };
    struct arci_address_check *check = NULL;
    bool started = succeeded(arci_address_check_start(&options, &check, NULL));
    arci_address_check_free(check);
    return started;
}

static void packet_sockets(void **state)
{
    (void)state;
    ARCI_CLOSE int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        skip();
    alloc_failure_try_all(dhcp_attempt, NULL);
    alloc_failure_try_all(check_attempt, NULL);
}

/* --- Files that outlive a killed agent. --- */

static char directory[256];
static char path[300];

static int make_directory(void **state)
{
    (void)state;
    make_temporary_directory(directory, sizeof directory);
    snprintf(path, sizeof path, "%s/settings.json", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static bool begin_attempt(void *context)
{
    struct arci_parent_settings settings = {0};
    bool begun = succeeded(arci_parent_settings_begin(&settings, path, context, NULL));
    /* A file that could not be read for want of memory is as one that is damaged: it is said, and nothing of it is taken. */
    assert_true(settings.count == 0 || settings.count == 1);
    bool read = settings.count == 1;
    arci_parent_settings_release(&settings);
    return begun && read;
}

static void settings_of_parents(void **state)
{
    (void)state;
    char boot_id[ARCI_BOOT_ID_SIZE];
    arci_boot_id_read(boot_id);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "{\"boot_id\":\"%s\",\"settings\":[{\"interface\":\"eth0\",\"setting\":\"arp_ignore\",\"before\":"
            "0}]}",
            boot_id);
    fclose(file);
    chmod(path, 0600);
    alloc_failure_try_running_out(begin_attempt, NULL);
}

static bool write_attempt(void *context)
{
    return succeeded(arci_sysctl_file_write(path, context, NULL));
}

static void settings_of_the_kernel(void **state)
{
    (void)state;
    struct arci_sysctls read = {0};
    struct arctic_error error;
    struct arci_sysctls sysctls = {.items = {{.written = true, .before = "1", .ours = "0"}}};
    assert_true(arci_sysctl_fits(0, "1"));
    alloc_failure_try_all(write_attempt, &sysctls);
    assert_ok(arci_sysctl_file_read(path, &read, &error), error);
    assert_memory_equal(read.items, sysctls.items, sizeof read.items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_and_their_text),
        cmocka_unit_test(netlink),
        cmocka_unit_test(packet_sockets),
        cmocka_unit_test_setup_teardown(settings_of_the_kernel, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(settings_of_parents, make_directory, remove_directory),
    };
    return cmocka_run_group_tests_name("kernel-memory", tests, NULL, NULL);
}
