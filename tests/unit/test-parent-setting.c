/* The file that remembers the settings of parent interfaces: what is read goes to /proc/sys. */
#include "tests/unit/unit.h"

#include <string.h>

#include "kernel/interface/parent-setting.h"

#define BOOT "0e0e0e0e-1111-2222-3333-444444444444"
#define FILE_OF(settings) "{\"boot_id\":\"" BOOT "\",\"settings\":[" settings "]}"
#define ITEM(link, setting, before)                                                                          \
    "{\"interface\":\"" link "\",\"setting\":\"" setting "\",\"before\":" before "}"

static int parse(const char *text, struct arci_parent_settings *ret_settings)
{
    struct arctic_error error;
    return arci_parent_settings_parse(text, strlen(text), BOOT, ret_settings, &error);
}

static void test_what_was_written_is_read(void **state)
{
    (void)state;
    struct arci_parent_settings settings = {0};
    assert_int_equal(
        parse(FILE_OF(ITEM("eth0", "arp_ignore", "0,\"index\":7") "," ITEM("eth0.7", "arp_announce", "1")),
              &settings),
        ARCTIC_OK);
    assert_int_equal(settings.count, 2);
    assert_string_equal(settings.items[1].link, "eth0.7");
    assert_int_equal(settings.items[1].which, 1);
    assert_int_equal(settings.items[1].before, 1);
    assert_int_equal(settings.items[0].index, 7);
    assert_int_equal(settings.items[1].index, 0); /* as before indexes were written */
}

static void test_a_file_of_another_boot_says_nothing(void **state)
{
    (void)state;
    struct arci_parent_settings settings = {0};
    const char *text = FILE_OF(ITEM("eth0", "arp_ignore", "0"));
    assert_int_equal(arci_parent_settings_parse(text, strlen(text), "another", &settings, NULL),
                     ARCTIC_E_NOT_FOUND);
    assert_int_equal(settings.count, 0);
}

static void test_nonsense_is_refused(void **state)
{
    (void)state;
    static const char *const files[] = {
        "",
        "[]",
        "{\"boot_id\":\"" BOOT "\"}",
        FILE_OF("7"),
        FILE_OF(ITEM("../../kernel", "arp_ignore", "0")),
        FILE_OF(ITEM("..", "arp_ignore", "0")),
        FILE_OF(ITEM("", "arp_ignore", "0")),
        FILE_OF(ITEM("a-name-of-16-let", "arp_ignore", "0")),
        FILE_OF(ITEM("eth0", "forwarding", "0")),
        FILE_OF(ITEM("eth0", "arp_ignore", "1")),
        FILE_OF(ITEM("eth0", "arp_ignore", "-1")),
        FILE_OF(ITEM("eth0", "arp_ignore", "\"0\"")),
        FILE_OF(ITEM("eth0", "arp_ignore", "0,\"index\":0")),
        FILE_OF(ITEM("eth0", "arp_ignore", "0,\"index\":\"7\"")),
        FILE_OF(ITEM("eth0", "arp_ignore", "0,\"index\":4294967297")),
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        struct arci_parent_settings settings = {0};
        if (parse(files[i], &settings) >= 0)
            fail_msg("taken: %s", files[i]);
        assert_int_equal(settings.count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_written_is_read),
        cmocka_unit_test(test_a_file_of_another_boot_says_nothing),
        cmocka_unit_test(test_nonsense_is_refused),
    };
    return cmocka_run_group_tests_name("parent-setting", tests, NULL, NULL);
}
