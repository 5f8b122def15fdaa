/* Rulesets: differences end where a new table begins, and no command comes before its time. */
#include "tests/unit/unit.h"

#include "kernel/nft/ruleset.h"
#include "tests/unit/kernel-services.h"
#include "tests/unit/nft-model.h"

static const struct arci_plan nothing;

static struct arci_marks marks(void)
{
    return arci_marks_of(0x0000f000); /* room for five services: slots are used again at once */
}

static void create(struct nft_model *model, const struct arci_plan *plan)
{
    struct arci_marks layout = marks();
    ARCI_BUFFER text = {0};
    arci_ruleset_create(&text, &layout, true, true, plan);
    assert_false(text.failed);
    nft_model_run(model, (const char *)text.data);
}

static void change(struct nft_model *model, const struct arci_plan *from, const struct arci_plan *to)
{
    struct arci_marks layout = marks();
    ARCI_BUFFER text = {0};
    arci_ruleset_change(&text, &layout, from, to);
    assert_false(text.failed);
    if (text.length)
        nft_model_run(model, (const char *)text.data);
}

static void plan_services(const struct random_services *all, const struct arci_plan *previous,
                          struct arci_plan *ret_plan)
{
    struct arctic_error error;
    struct arci_marks layout = marks();
    assert_ok(arci_plan_make(all->services, all->count, &layout, previous, ret_plan, &error), error);
}

/* The same plan without a tuple of the former one. */
static void plan_anew(struct random_services all, const struct arci_plan *previous,
                      struct arci_plan *ret_plan)
{
    for (size_t i = 0; i < all.count; i++)
        memset(all.services[i].revision, 0, sizeof all.services[i].revision);
    plan_services(&all, previous, ret_plan);
}

/* A few of 32 endpoints, some of them twice, and one that is none. */
static void spare_some(struct test_random *dice, struct arci_plan *plan)
{
    struct arctic_error error;
    struct arctic_endpoint endpoints[12] = {0};
    size_t count = test_random_below(dice, 12);
    for (size_t i = 1; i < count; i++) {
        bool ipv6 = test_random_below(dice, 2) != 0;
        endpoints[i].address.family = ipv6 ? ARCTIC_FAMILY_IPV6 : ARCTIC_FAMILY_IPV4;
        endpoints[i].address.bytes[0] = 10;
        endpoints[i].address.bytes[3] = (uint8_t)test_random_below(dice, 4);
        endpoints[i].port = (uint16_t)(8080 + test_random_below(dice, 4));
    }
    assert_ok(arci_plan_spare(plan, endpoints, count, &error), error);
    for (size_t i = 1; i < plan->spared_count; i++)
        assert_true(arci_plan_compare_spared(&plan->spared[i - 1], &plan->spared[i]) < 0);
}

static void differences_end_where_a_new_table_begins(void **state)
{
    (void)state;
    struct test_random dice = {4711};
    struct arci_plan plan = {0};
    struct arctic_error error;
    struct random_services former = {0};
    struct nft_model changed = {0};
    create(&changed, &plan);
    for (int round = 0; round < 120; round++) {
        struct random_services all;
        bool kept[SERVICES];
        struct arci_plan next;
        struct arci_plan anew;
        struct nft_model fresh = {0};
        random_changes(&dice, &former, &all, kept);
        plan_services(&all, &plan, &next);
        plan_anew(all, &plan, &anew);
        spare_some(&dice, &next);
        assert_ok(arci_plan_spare(&anew, next.spared, next.spared_count, &error), error);
        change(&changed, &plan, &next);
        create(&fresh, &anew);
        nft_model_assert_equal(&changed, &fresh);
        nft_model_release(&fresh);
        arci_plan_release(&anew);
        arci_plan_release(&plan);
        plan = next;
        former = all;
    }
    change(&changed, &plan, &nothing);
    assert_int_equal(nft_model_count(&changed, "chain svc_"), 0);
    assert_int_equal(nft_model_count(&changed, "chain cap_"), 0);
    assert_int_equal(nft_model_count(&changed, "counter svc_"), 0);
    assert_int_equal(nft_model_count(&changed, "element"), 0);
    assert_int_equal(nft_model_count(&changed, "map"), 1); /* by_mark */
    nft_model_release(&changed);
    arci_plan_release(&plan);
}

/* More routes than are compared at a time, of one service that takes the place of another in every respect but its id. */
static void a_slot_that_passes_on_takes_the_elements_along(void **state)
{
    (void)state;
    struct arctic_error error;
    struct arci_marks layout = marks();
    struct arci_route routes[200];
    struct arci_kernel_service services[5] = {{.routes = routes, .route_count = 200}};
    struct arci_plan plans[2] = {0};
    ARCI_BUFFER text = {0};
    for (unsigned i = 0; i < 200; i++)
        routes[i] = (struct arci_route){
            .id = i + 1, .priority = 1, .destination = {{ARCTIC_FAMILY_IPV4, {10, (uint8_t)i}}, 16}};
    for (unsigned i = 0; i < 5; i++) {
        services[i].tproxy_port = 1;
        snprintf(services[i].id.text, sizeof services[i].id.text, "svc_%026u", i + 1);
    }
    assert_ok(arci_plan_make(services, 5, &layout, &nothing, &plans[0], &error), error);
    snprintf(services[0].id.text, sizeof services[0].id.text, "svc_%026u", 6);
    assert_ok(arci_plan_make(services, 5, &layout, &plans[0], &plans[1], &error), error);
    assert_int_equal(plans[0].services[0].slot, plans[1].services[4].slot);
    arci_ruleset_change(&text, &layout, &plans[0], &plans[1]);
    for (unsigned i = 0; i < 200; i++) {
        char added[80];
        snprintf(added, sizeof added, "\n10.%u.0.0 : goto svc_00000000000000000000000006", i);
        assert_non_null(strstr((const char *)text.data, added));
    }
    arci_plan_release(&plans[0]);
    arci_plan_release(&plans[1]);
}

static void the_same_plan_needs_no_command(void **state)
{
    (void)state;
    struct test_random dice = {99};
    struct arci_marks layout = marks();
    struct random_services all;
    struct arci_plan first;
    struct arci_plan second;
    ARCI_BUFFER text = {0};
    random_services(&dice, &all);
    plan_services(&all, &nothing, &first);
    plan_services(&all, &first, &second);
    arci_ruleset_change(&text, &layout, &first, &second);
    assert_int_equal(text.length, 0);
    arci_plan_release(&first);
    arci_plan_release(&second);
}

static void one_more_route_is_one_more_element(void **state)
{
    (void)state;
    struct arci_marks layout = marks();
    struct random_services all = {.count = 1};
    struct arci_plan first;
    struct arci_plan second;
    ARCI_BUFFER text = {0};
    snprintf(all.services[0].id.text, sizeof all.services[0].id.text, "svc_%026u", 1);
    all.services[0].tproxy_port = 1;
    all.services[0].routes = all.routes[0];
    for (uint8_t i = 0; i < 2; i++)
        all.routes[0][i] = (struct arci_route){
            .id = i + 1u, .priority = 1, .destination = {{ARCTIC_FAMILY_IPV4, {10, i}}, 16}};
    all.services[0].route_count = 1;
    plan_services(&all, &nothing, &first);
    all.services[0].route_count = 2;
    plan_services(&all, &first, &second);
    arci_ruleset_change(&text, &layout, &first, &second);
    assert_string_equal(
        (const char *)text.data,
        "add element inet arctic d4_16 {\n10.1.0.0 : goto svc_00000000000000000000000001 }\n");
    arci_plan_release(&first);
    arci_plan_release(&second);
}

static void names_a_refused_destination(void **state)
{
    (void)state;
    struct arci_marks layout = arci_marks_of(ARCI_MARK_MASK_DEFAULT);
    struct arci_plan_service service = {.slot = 3};
    struct arctic_endpoint destination = {{ARCTIC_FAMILY_IPV6, {0xfd, 1, [15] = 9}}, 443};
    ARCI_BUFFER text = {0};
    arci_ruleset_refuse(&text, &layout, &service, &destination, 5);
    assert_string_equal((const char *)text.data,
                        "add element inet arctic refused6 { 0x80300000 . fd01::9 . 443 timeout 5s }\n");
}

static void names_a_service_whose_exit_has_no_ipv6(void **state)
{
    (void)state;
    struct arci_marks layout = arci_marks_of(ARCI_MARK_MASK_DEFAULT);
    struct arci_plan_service service = {.slot = 3};
    ARCI_BUFFER text = {0};
    arci_ruleset_refuse_ipv6(&text, &layout, &service, 30);
    assert_string_equal((const char *)text.data,
                        "add element inet arctic no_ipv6 { 0x80300000 timeout 30s }\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences_end_where_a_new_table_begins),
        cmocka_unit_test(a_slot_that_passes_on_takes_the_elements_along),
        cmocka_unit_test(the_same_plan_needs_no_command),
        cmocka_unit_test(one_more_route_is_one_more_element),
        cmocka_unit_test(names_a_refused_destination),
        cmocka_unit_test(names_a_service_whose_exit_has_no_ipv6),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
