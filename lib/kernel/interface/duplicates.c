/* See duplicates.h. */
#include "kernel/interface/duplicates.h"

#include <string.h>
#include <unistd.h>
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_addr.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <sys/socket.h>

#include "base/cleanup.h"

#define FRAMES_PER_READ 1024 /* of a flood the rest is left out */
#define FRAME_SIZE 64        /* what is looked at, and no more than that is taken */

/* Offsets from the IPv6 header (RFC 8200 section 3); the ICMPv6 message follows at once (RFC 4861 sections 4.3 and 4.4). */
#define NEXT_HEADER 6
#define HOP_LIMIT 7
#define SOURCE 8
#define TYPE 40
#define TARGET 48
#define ICMPV6 58
#define SOLICITATION 135
#define ADVERTISEMENT 136
#define ADDRESS_SIZE 16

static int admit(int fd)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, NEXT_HEADER),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMPV6, 0, 4), /* other than ICMPv6: drop */
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, TYPE),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ADVERTISEMENT, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SOLICITATION, 0, 1), /* neither: drop */
        BPF_STMT(BPF_RET | BPF_K, FRAME_SIZE),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    struct sock_fprog program = {.len = sizeof filter / sizeof filter[0], .filter = filter};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

/* One socket for all links: to close one takes the kernel 10 to 20 ms. Protocol 0 at first, so that nothing comes before the filter. */
void arci_duplicates_listen(struct arci_duplicates *duplicates)
{
    const struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IPV6)};
    if (duplicates->listens)
        return;
    ARCI_CLOSE int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || admit(fd) < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return;
    duplicates->fd = arci_steal_fd(&fd);
    duplicates->listens = true;
}

void arci_duplicates_rest(struct arci_duplicates *duplicates)
{
    if (duplicates->listens)
        close(duplicates->fd);
    duplicates->listens = false;
}

bool arci_duplicates_parse(const uint8_t *bytes, size_t length, struct arctic_address *ret_address)
{
    static const uint8_t nobody[ADDRESS_SIZE];
    struct arctic_address address = {.family = ARCTIC_FAMILY_IPV6};
    if (length < TARGET + ADDRESS_SIZE || bytes[NEXT_HEADER] != ICMPV6 || bytes[HOP_LIMIT] != 255)
        return false;
    bool asks = bytes[TYPE] == SOLICITATION && memcmp(bytes + SOURCE, nobody, sizeof nobody) == 0;
    if (bytes[TYPE] != ADVERTISEMENT && !asks)
        return false;
    memcpy(address.bytes, bytes + TARGET, ADDRESS_SIZE);
    *ret_address = address;
    return true;
}

static bool is_asked_for(const struct arci_links *links, int index, const struct arctic_address *address)
{
    for (size_t i = 0; i < links->address_count; i++) {
        const struct arci_link_address *item = &links->addresses[i];
        if (item->index == index && (item->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) &&
            arctic_address_compare(&item->cidr.address, address) == 0)
            return true;
    }
    return false;
}

static struct arci_duplicate *place_for(struct arci_duplicates *duplicates, int index,
                                        const struct arctic_address *address)
{
    for (size_t i = 0; i < duplicates->count; i++) {
        struct arci_duplicate *item = &duplicates->items[i];
        if (item->index == index && arctic_address_compare(&item->address, address) == 0)
            return item;
    }
    struct arci_duplicate *item = &duplicates->items[duplicates->next];
    duplicates->next = (duplicates->next + 1) % ARCI_DUPLICATES_MAX;
    duplicates->count += duplicates->count < ARCI_DUPLICATES_MAX;
    return item;
}

static void take(struct arci_duplicates *duplicates, const struct arci_links *links,
                 const struct sockaddr_ll *from, const uint8_t *bytes, size_t length)
{
    struct arctic_address address;
    const struct arci_link *link = arci_links_by_index(links, from->sll_ifindex);
    if (!link || from->sll_pkttype == PACKET_OUTGOING || from->sll_halen != ARCI_MAC_SIZE ||
        memcmp(from->sll_addr, link->mac, ARCI_MAC_SIZE) == 0 ||
        !arci_duplicates_parse(bytes, length, &address) || !is_asked_for(links, link->index, &address))
        return;
    struct arci_duplicate *item = place_for(duplicates, link->index, &address);
    *item = (struct arci_duplicate){.index = link->index, .address = address};
    memcpy(item->mac, from->sll_addr, ARCI_MAC_SIZE);
}

void arci_duplicates_read(struct arci_duplicates *duplicates, const struct arci_links *links)
{
    for (int i = 0; duplicates->listens && i < FRAMES_PER_READ; i++) {
        uint8_t bytes[FRAME_SIZE];
        struct sockaddr_ll from = {0};
        socklen_t size = sizeof from;
        ssize_t length =
            recvfrom(duplicates->fd, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&from, &size);
        if (length < 0)
            return;
        take(duplicates, links, &from, bytes, (size_t)length);
    }
}

bool arci_duplicates_find(const struct arci_duplicates *duplicates, int index,
                          const struct arctic_address *address, uint8_t ret_mac[ARCI_MAC_SIZE])
{
    for (size_t i = 0; i < duplicates->count; i++) {
        const struct arci_duplicate *item = &duplicates->items[i];
        if (item->index != index || arctic_address_compare(&item->address, address) != 0)
            continue;
        memcpy(ret_mac, item->mac, ARCI_MAC_SIZE);
        return true;
    }
    return false;
}
