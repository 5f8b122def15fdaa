/* Messages of a DHCP server, made byte by byte for tests: nothing of lib/ is used for it. */
#ifndef ARCTIC_TESTS_DHCP_REPLY_H
#define ARCTIC_TESTS_DHCP_REPLY_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct reply_bytes {
    uint8_t bytes[1600];
    size_t length;
};

static const uint8_t reply_mac[6] = {0x02, 0xaa, 0xbb, 0xcc, 0xdd, 0x01};

static inline void reply_number(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Header and cookie, no options yet; for `reply_mac`. */
static inline void reply_begin(struct reply_bytes *reply, uint32_t transaction, uint32_t address)
{
    *reply = (struct reply_bytes){.length = 240};
    reply->bytes[0] = 2;
    reply->bytes[1] = 1;
    reply->bytes[2] = 6;
    reply_number(reply->bytes + 4, transaction);
    reply_number(reply->bytes + 16, address);
    memcpy(reply->bytes + 28, reply_mac, sizeof reply_mac);
    reply_number(reply->bytes + 236, 0x63825363u);
}

static inline void reply_option(struct reply_bytes *reply, uint8_t code, const void *value, size_t length)
{
    reply->bytes[reply->length++] = code;
    reply->bytes[reply->length++] = (uint8_t)length;
    memcpy(reply->bytes + reply->length, value, length);
    reply->length += length;
}

static inline void reply_option_byte(struct reply_bytes *reply, uint8_t code, uint8_t value)
{
    reply_option(reply, code, &value, 1);
}

static inline void reply_option_number(struct reply_bytes *reply, uint8_t code, uint32_t value)
{
    uint8_t bytes[4];
    reply_number(bytes, value);
    reply_option(reply, code, bytes, sizeof bytes);
}

static inline void reply_end(struct reply_bytes *reply)
{
    reply->bytes[reply->length++] = 255;
}

#define ADDRESS(a, b, c, d) ((uint32_t)(a) << 24 | (b) << 16 | (c) << 8 | (d))

#endif
