/* Messages of a DHCP client. */
#include "kernel/dhcp/message.h"

#include <string.h>

#include "kernel/dhcp/wire.h"

#define BOOTP_LENGTH_MIN 300

/* The rest of the message is zero, which is option 0, padding. */
struct writer {
    uint8_t *bytes;
    size_t used;
};

/* Leaves room for the end mark; every option but the comment is of a bounded length, and all of these fit. */
static void put(struct writer *writer, uint8_t code, const void *value, size_t length)
{
    size_t room = ARCI_DHCP_REQUEST_SIZE - 1 - writer->used;
    if (length == 0 || length > UINT8_MAX || length + 2 > room)
        return;
    writer->bytes[writer->used++] = code;
    writer->bytes[writer->used++] = (uint8_t)length;
    memcpy(writer->bytes + writer->used, value, length);
    writer->used += length;
}

static void put_address(struct writer *writer, uint8_t code, uint32_t address)
{
    uint8_t bytes[4];
    arci_put_be32(bytes, address);
    if (address != 0)
        put(writer, code, bytes, sizeof bytes);
}

static void put_header(uint8_t *bytes, const struct arci_dhcp_self *self,
                       const struct arci_dhcp_request *request)
{
    bytes[ARCI_DHCP_AT_OPERATION] = ARCI_DHCP_BOOT_REQUEST;
    bytes[ARCI_DHCP_AT_HARDWARE] = ARCI_DHCP_ETHERNET;
    bytes[ARCI_DHCP_AT_HARDWARE_LENGTH] = sizeof self->mac;
    arci_put_be32(bytes + ARCI_DHCP_AT_TRANSACTION, request->transaction);
    arci_put_be16(bytes + ARCI_DHCP_AT_SECONDS, request->seconds);
    arci_put_be16(bytes + ARCI_DHCP_AT_FLAGS, request->broadcast ? ARCI_DHCP_FLAG_BROADCAST : 0);
    arci_put_be32(bytes + ARCI_DHCP_AT_CLIENT_ADDRESS, request->address);
    memcpy(bytes + ARCI_DHCP_AT_MAC, self->mac, sizeof self->mac);
    arci_put_be32(bytes + ARCI_DHCP_AT_COOKIE, ARCI_DHCP_COOKIE);
}

/* RFC 2131 table 5 allows these in DISCOVER and REQUEST only. */
static void put_wishes(struct writer *writer, const struct arci_dhcp_self *self)
{
    static const uint8_t wanted[] = {ARCI_DHCP_OPTION_MASK,         ARCI_DHCP_OPTION_ROUTERS,
                                     ARCI_DHCP_OPTION_DNS,          ARCI_DHCP_OPTION_DOMAIN,
                                     ARCI_DHCP_OPTION_LEASE_TIME,   ARCI_DHCP_OPTION_SERVER,
                                     ARCI_DHCP_OPTION_RENEWAL_TIME, ARCI_DHCP_OPTION_REBINDING_TIME};
    uint8_t largest[2];
    arci_put_be16(largest, ARCI_DHCP_REPLY_MAX);
    put(writer, ARCI_DHCP_OPTION_VENDOR_CLASS, "arctic", strlen("arctic"));
    put(writer, ARCI_DHCP_OPTION_HOSTNAME, self->hostname, strlen(self->hostname));
    put(writer, ARCI_DHCP_OPTION_WANTED_OPTIONS, wanted, sizeof wanted);
    put(writer, ARCI_DHCP_OPTION_LARGEST_MESSAGE, largest, sizeof largest);
}

size_t arci_dhcp_request_build(const struct arci_dhcp_self *self, const struct arci_dhcp_request *request,
                               uint8_t bytes[ARCI_DHCP_REQUEST_SIZE])
{
    struct writer writer = {.bytes = bytes, .used = ARCI_DHCP_AT_OPTIONS};
    uint8_t type = (uint8_t)request->type;
    memset(bytes, 0, ARCI_DHCP_REQUEST_SIZE);
    put_header(bytes, self, request);
    put(&writer, ARCI_DHCP_OPTION_TYPE, &type, 1);
    put(&writer, ARCI_DHCP_OPTION_IDENTIFIER, self->identifier, sizeof self->identifier);
    put_address(&writer, ARCI_DHCP_OPTION_WANTED_ADDRESS, request->wanted);
    put_address(&writer, ARCI_DHCP_OPTION_SERVER, request->server);
    if (request->type == ARCI_DHCP_DISCOVER || request->type == ARCI_DHCP_REQUEST)
        put_wishes(&writer, self);
    if (request->comment)
        put(&writer, ARCI_DHCP_OPTION_COMMENT, request->comment,
            strnlen(request->comment, ARCI_DHCP_TEXT_SIZE));
    bytes[writer.used++] = ARCI_DHCP_OPTION_END;
    return writer.used < BOOTP_LENGTH_MIN ? BOOTP_LENGTH_MIN : writer.used;
}
