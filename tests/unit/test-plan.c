/* Plans and marks: slots, and what is refused before the kernel sees it. */
#include "tests/unit/unit.h"

#include "kernel/nft/plan.h"
#include "tests/unit/kernel-services.h"

static struct arci_kernel_service service(unsigned number)
{
    struct arci_kernel_service made = {.tproxy_port = 1000};
    snprintf(made.id.text, sizeof made.id.text, "svc_%026u", number);
    return made;
}

static struct arci_marks narrow(void)
{
    return arci_marks_of(0x0000f000); /* flag and slots 0..7, five of them for services */
}

/* Replaces *plan by the plan of services first..first+count-1. */
static void plan_range(struct arci_plan *plan, const struct arci_marks *marks, unsigned first, unsigned count)
{
    struct arci_kernel_service services[8];
    struct arci_plan next;
    struct arctic_error error;
    for (unsigned i = 0; i < count; i++)
        services[i] = service(first + count - 1 - i); /* any order */
    assert_ok(arci_plan_make(services, count, marks, plan, &next, &error), error);
    arci_plan_release(plan);
    *plan = next;
}

static void marks_share_out_the_mask(void **state)
{
    (void)state;
    struct arci_marks marks = arci_marks_of(ARCI_MARK_MASK_DEFAULT);
    assert_int_equal(marks.flag, 0x80000000);
    assert_int_equal(marks.slots, 2047);
    assert_int_equal(arci_marks_bypass(&marks), 0x00100000);
    assert_int_equal(arci_marks_transparent(&marks), 0x00200000);
    assert_int_equal(arci_marks_captured(&marks, ARCI_SLOT_AGENT), 0x80100000);
    assert_int_equal(arci_marks_captured(&marks, marks.slots), arci_marks_refused(&marks));
    assert_true(arci_marks_valid_mask(0xf));
    assert_true(arci_marks_valid_mask(0xffff0000));
    assert_false(arci_marks_valid_mask(0x7));
    assert_false(arci_marks_valid_mask(0x1ffff));
    assert_false(arci_marks_valid_mask(0xf0f0));
    assert_false(arci_marks_valid_mask(0));
}

static void slots_stay_and_differ(void **state)
{
    (void)state;
    struct arci_marks marks = narrow();
    struct arci_plan plan = {0};
    plan_range(&plan, &marks, 1, 3);
    uint16_t slot = plan.services[1].slot;
    plan_range(&plan, &marks, 2, 5);
    assert_int_equal(arci_plan_find(&plan, &plan.services[0].id)->slot, slot);
    for (size_t i = 0; i < plan.service_count; i++) {
        assert_in_range(plan.services[i].slot, ARCI_SLOT_FIRST_SERVICE, marks.slots - 1);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(plan.services[i].slot, plan.services[j].slot);
    }
    arci_plan_release(&plan);
}

static void a_slot_that_was_given_up_is_used_late(void **state)
{
    (void)state;
    struct arci_marks marks = narrow();
    struct arci_plan plan = {0};
    plan_range(&plan, &marks, 1, 1);
    uint16_t first = plan.services[0].slot;
    for (unsigned number = 2; number <= 5; number++) {
        plan_range(&plan, &marks, number, 1);
        assert_int_not_equal(plan.services[0].slot, first);
    }
    plan_range(&plan, &marks, 6, 1);
    assert_int_equal(plan.services[0].slot, first);
    arci_plan_release(&plan);
}

static int try(const struct arci_kernel_service *services, size_t count, struct arctic_error *error)
{
    struct arci_marks marks = narrow();
    struct arci_plan nothing = {0};
    struct arci_plan plan = {0};
    int code = arci_plan_make(services, count, &marks, &nothing, &plan, error);
    arci_plan_release(&plan);
    return code;
}

static void refuses_what_does_not_fit(void **state)
{
    (void)state;
    struct arctic_error error;
    struct arci_kernel_service services[7];
    for (unsigned i = 0; i < 7; i++)
        services[i] = service(i + 1);
    assert_int_equal(try(services, 5, &error), ARCTIC_OK);
    assert_int_equal(try(services, 6, &error), ARCTIC_E_LIMIT);
    services[1].id = services[0].id;
    assert_int_equal(try(services, 2, &error), ARCTIC_E_USAGE);
    services[1] = service(2);
    services[1].tproxy_port = 0;
    assert_int_equal(try(services, 2, &error), ARCTIC_E_USAGE);
    services[1].withdrawn = true;
    assert_int_equal(try(services, 2, &error), ARCTIC_OK);
    services[1] = service(2);
    services[0].interface = services[1].interface = "own0";
    assert_int_equal(try(services, 2, &error), ARCTIC_E_USAGE);
}

static void refuses_names_that_nft_would_read_otherwise(void **state)
{
    (void)state;
    static const char *const names[] = {"eth*", "a\"b", "a b", "a\nb", "a{", "sixteen-letters-", "a\\b"};
    struct arctic_error error;
    struct arci_kernel_service one = service(1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        one.interface = names[i];
        assert_int_equal(try(&one, 1, &error), ARCTIC_E_USAGE);
    }
    one.interface = "fifteen-letters";
    assert_int_equal(try(&one, 1, &error), ARCTIC_OK);
    snprintf(one.id.text, sizeof one.id.text, "svc_x; flush ruleset");
    assert_int_equal(try(&one, 1, &error), ARCTIC_E_USAGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marks_share_out_the_mask),
        cmocka_unit_test(slots_stay_and_differ),
        cmocka_unit_test(a_slot_that_was_given_up_is_used_late),
        cmocka_unit_test(refuses_what_does_not_fit),
        cmocka_unit_test(refuses_names_that_nft_would_read_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
