/* Errors: codes, names and statuses, and messages that can always be written. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

static void test_names_and_statuses(void **state)
{
    (void)state;
    static const struct {
        int32_t code;
        const char *name;
        int32_t status;
    } rows[] = {
        {ARCTIC_E_UNAUTHORIZED, "UNAUTHORIZED", 401},
        {ARCTIC_E_TOKEN_EXPIRED, "TOKEN_EXPIRED", 401},
        {ARCTIC_E_FORBIDDEN, "FORBIDDEN", 403},
        {ARCTIC_E_NOT_FOUND, "NOT_FOUND", 404},
        {ARCTIC_E_METHOD_NOT_ALLOWED, "METHOD_NOT_ALLOWED", 405},
        {ARCTIC_E_ALREADY_EXISTS, "ALREADY_EXISTS", 409},
        {ARCTIC_E_INVALID_CIDR, "INVALID_CIDR", 400},
        {ARCTIC_E_INVALID_PRIORITY, "INVALID_PRIORITY", 400},
        {ARCTIC_E_PEER_UNREACHABLE, "PEER_UNREACHABLE", 422},
        {ARCTIC_E_LICENSE_READ_ONLY, "LICENSE_READ_ONLY", 403},
        {ARCTIC_E_NOT_BOOTSTRAPPED, "NOT_BOOTSTRAPPED", 503},
        {ARCTIC_E_BODY_TOO_LARGE, "BODY_TOO_LARGE", 413},
        {ARCTIC_E_INTERNAL, "INTERNAL", 500},
        {ARCTIC_E_CORRUPT, "CORRUPT", 500},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(arctic_code_name(rows[i].code), rows[i].name);
        assert_int_equal(arctic_code_from_name(rows[i].name), rows[i].code);
        assert_int_equal(arctic_code_http_status(rows[i].code), rows[i].status);
    }
    assert_string_equal(arctic_code_name(-99), "UNKNOWN");
    assert_int_equal(arctic_code_from_name("NO_SUCH"), ARCTIC_E_INTERNAL);
    assert_int_equal(arctic_code_from_name(NULL), ARCTIC_E_INTERNAL);
    assert_int_equal(arctic_code_http_status(-99), 500);
}

static void test_filling(void **state)
{
    (void)state;
    struct arctic_error error;
    errno = EPERM;
    assert_int_equal(arci_fail(&error, ARCTIC_E_NOT_FOUND, "name", "no %s", "such"), ARCTIC_E_NOT_FOUND);
    assert_int_equal(errno, EPERM);
    assert_int_equal(error.code, ARCTIC_E_NOT_FOUND);
    assert_string_equal(error.field, "name");
    assert_string_equal(error.message, "no such");
    arci_fail_at(&error, error.code, "other");
    assert_string_equal(error.field, "other");
    arci_fail_within(&error, error.code, "reading %d", 5);
    assert_string_equal(error.message, "reading 5: no such");
    assert_string_equal(error.field, "other");
    errno = ENOENT;
    assert_int_equal(arci_fail_errno(&error, "cannot open %s", "x"), ARCTIC_E_SYSTEM);
    assert_string_equal(error.message, "cannot open x: No such file or directory");
    assert_string_equal(error.field, "");
    assert_int_equal(arci_fail(NULL, ARCTIC_E_USAGE, NULL, "nobody listens"), ARCTIC_E_USAGE);
    assert_int_equal(arci_fail_at(NULL, ARCTIC_E_USAGE, "x"), ARCTIC_E_USAGE);
}

static void assert_clean(const char *text)
{
    while (*text) {
        uint32_t codepoint;
        size_t length = arci_utf8_decode(text, &codepoint);
        assert_true(length > 0 && arci_utf8_printable(codepoint));
        text += length;
    }
}

/* Quoted text from outside, cut at any byte, leaves a message that is valid and cannot steer a terminal. */
static void test_hostile_text(void **state)
{
    (void)state;
    static char text[1000];
    for (size_t start = 0; start < 8; start++) {
        struct arctic_error error;
        memset(text, 'x', start);
        for (size_t i = start; i + 5 < sizeof text; i += 5)
            memcpy(text + i, "\xf0\x9f\x90\xa7\x1b", 6);
        arci_fail(&error, ARCTIC_E_INVALID_REQUEST, text, "'%.61s' or %s", text, text);
        assert_clean(error.field);
        assert_clean(error.message);
        arci_fail_within(&error, error.code, "%s", text);
        assert_clean(error.message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_and_statuses),
        cmocka_unit_test(test_filling),
        cmocka_unit_test(test_hostile_text),
    };
    return cmocka_run_group_tests_name("error", tests, NULL, NULL);
}
