/* base64url: RFC 4648's vectors, and that each value has one text only. */
#include "tests/unit/unit.h"

#include <string.h>

#include "base/base64.h"

static void test_vectors(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"", ""},           {"f", "Zg"},          {"fo", "Zm8"},          {"foo", "Zm9v"},
        {"foob", "Zm9vYg"}, {"fooba", "Zm9vYmE"}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xfe", "-__-"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char text[16];
        uint8_t bytes[16];
        size_t length;
        size_t plain = strlen(pairs[i][0]);
        assert_string_equal(arci_base64_encode(pairs[i][0], plain, text), pairs[i][1]);
        assert_int_equal(strlen(text) + 1, ARCI_BASE64_TEXT(plain));
        assert_true(arci_base64_decode(text, strlen(text), bytes, plain, &length));
        assert_int_equal(length, plain);
        assert_memory_equal(bytes, pairs[i][0], plain);
    }
}

static void test_every_length_round_trips(void **state)
{
    (void)state;
    uint8_t bytes[64];
    uint8_t back[64];
    char text[ARCI_BASE64_TEXT(64)];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 167 + 13);
    for (size_t length = 0; length <= sizeof bytes; length++) {
        arci_base64_encode(bytes, length, text);
        assert_true(arci_base64_decode_exact(text, back, length));
        assert_memory_equal(back, bytes, length);
        assert_false(arci_base64_decode_exact(text, back, length + 1));
        if (length > 0)
            assert_false(arci_base64_decode_exact(text, back, length - 1));
    }
}

static void test_what_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"Z",   "Zg==",   "Zm8=", "Zh",   "Zm9",     "Zm9vY",
                                        "Z g", "Zm9v\n", "Zm+v", "Zm/v", "Zm9\xff", "Zm.v"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t bytes[16];
        size_t length = 99;
        if (arci_base64_decode(wrong[i], strlen(wrong[i]), bytes, sizeof bytes, &length))
            fail_msg("'%s' was decoded", wrong[i]);
        assert_int_equal(length, 99);
    }
    uint8_t small[2];
    size_t length;
    assert_false(arci_base64_decode("Zm9v", 4, small, sizeof small, &length));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_every_length_round_trips),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
