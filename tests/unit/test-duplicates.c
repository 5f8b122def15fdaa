/* What tells who has an IPv6 address that is asked for: frames of others, of any form. */
#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "kernel/interface/duplicates.h"

#define FRAME_SIZE 64u

static void make_frame(uint8_t type, uint8_t *frame)
{
    memset(frame, 0, FRAME_SIZE);
    frame[0] = 0x60;
    frame[6] = 58;
    frame[7] = 255;
    frame[40] = type;
    frame[48] = 0xfd;
    frame[63] = 0x10;
}

/* From memory of exactly that length, where a sanitizer sees what is read beyond it. */
static bool parse(const uint8_t *frame, size_t length, struct arctic_address *ret_address)
{
    ARCI_FREE uint8_t *copy = malloc(length ? length : 1);
    assert_non_null(copy);
    memcpy(copy, frame, length);
    return arci_duplicates_parse(copy, length, ret_address);
}

static void advertisements_and_probes_are_taken(void **state)
{
    uint8_t frame[FRAME_SIZE];
    char text[ARCTIC_ADDRESS_TEXT];
    struct arctic_address address = {0};
    (void)state;
    make_frame(136, frame);
    frame[8] = 0xfe;
    assert_true(parse(frame, sizeof frame, &address));
    assert_string_equal(arctic_address_format(&address, text), "fd00::10");
    make_frame(135, frame);
    assert_true(parse(frame, sizeof frame, &address));
}

static void others_are_passed_over(void **state)
{
    uint8_t frame[FRAME_SIZE];
    struct arctic_address address = {0};
    (void)state;
    make_frame(135, frame);
    frame[8] = 0xfe;
    assert_false(
        parse(frame, sizeof frame, &address)); /* a host that looks for another, and has an address */
    make_frame(134, frame);
    assert_false(parse(frame, sizeof frame, &address));
    make_frame(136, frame);
    frame[7] = 254;
    assert_false(parse(frame, sizeof frame, &address)); /* from beyond the link (RFC 4861 section 7.1.2) */
    make_frame(136, frame);
    frame[6] = 17;
    assert_false(parse(frame, sizeof frame, &address));
    make_frame(136, frame);
    for (size_t length = 0; length < sizeof frame; length++)
        assert_false(parse(frame, length, &address));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(advertisements_and_probes_are_taken),
        cmocka_unit_test(others_are_passed_over),
    };
    return cmocka_run_group_tests_name("duplicates", tests, NULL, NULL);
}
