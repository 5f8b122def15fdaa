/* Packet sockets (packet(7)) with filters of classic BPF (linux/filter.h). */
#include "kernel/dhcp/socket.h"

#include <errno.h>
#include <string.h>
#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/error.h"
#include "kernel/dhcp/wire.h"
#include "kernel/privilege.h"

#define FILTER_LENGTH(filter) ((unsigned short)(sizeof(filter) / sizeof((filter)[0])))

static int attach(int fd, struct sock_filter *filter, unsigned short length)
{
    struct sock_fprog program = {.len = length, .filter = filter};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

/* Offsets count from the IP header: the sockets are of SOCK_DGRAM. */
static int admit_packets(int fd)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 9),                            /* protocol */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPPROTO_UDP, 0, 6),           /* other than UDP: drop */
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 6),                            /* flags and fragment offset */
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, 0x3fff, 4, 0),               /* a fragment: drop */
        BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),                           /* X: length of the IP header */
        BPF_STMT(BPF_LD | BPF_H | BPF_IND, 2),                            /* destination port */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ARCI_DHCP_CLIENT_PORT, 0, 1), /* not a DHCP client's: drop */
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),                            /* take it whole */
        BPF_STMT(BPF_RET | BPF_K, 0),                                     /* drop */
    };
    return attach(fd, filter, FILTER_LENGTH(filter));
}

/* Frames whose sender has the address, and probes for it (RFC 5227 section 2.1.1). */
static int admit_arp(int fd, uint32_t address)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 14),             /* sender's IPv4 address */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, address, 3, 0), /* ours: take it */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 3),       /* no probe: drop */
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 24),             /* the address that is probed */
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, address, 0, 1), /* not ours: drop */
        BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    return attach(fd, filter, FILTER_LENGTH(filter));
}

static int admit_nothing(int fd)
{
    struct sock_filter filter[] = {BPF_STMT(BPF_RET | BPF_K, 0)};
    return attach(fd, filter, FILTER_LENGTH(filter));
}

static struct sockaddr_ll link_address(unsigned interface_index, uint16_t protocol)
{
    return (struct sockaddr_ll){.sll_family = AF_PACKET,
                                .sll_protocol = htons(protocol),
                                .sll_ifindex = (int)interface_index,
                                .sll_halen = ETH_ALEN};
}

/* Protocol 0 at first: nothing is received before the filter is there. Returns a descriptor, or -1 with errno. */
static int open_one(unsigned interface_index, uint16_t protocol, int (*admit)(int fd))
{
    const int on = 1;
    struct sockaddr_ll address = link_address(interface_index, protocol);
    ARCI_CLOSE int fd = socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || admit(fd) < 0 || setsockopt(fd, SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) < 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return -1;
    return arci_steal_fd(&fd);
}

static int poll_both(int poll, int packets, int arp)
{
    struct epoll_event event = {.events = EPOLLIN};
    return epoll_ctl(poll, EPOLL_CTL_ADD, packets, &event) < 0 ? -1
                                                               : epoll_ctl(poll, EPOLL_CTL_ADD, arp, &event);
}

int arci_dhcp_sockets_open(unsigned interface_index, const char *interface,
                           struct arci_dhcp_sockets *ret_sockets, struct arctic_error *error)
{
    ARCI_CLOSE int packets = open_one(interface_index, ETH_P_IP, admit_packets);
    if (packets < 0 && errno == EPERM)
        return arci_fail_errno(
            error, "cannot open a packet socket for DHCP on '%s' (" ARCI_PRIVILEGE_ADVICE ")", interface);
    if (packets < 0)
        return arci_fail_errno(error, "cannot open a packet socket for DHCP on '%s'", interface);
    ARCI_CLOSE int arp = open_one(interface_index, ETH_P_ARP, admit_nothing);
    if (arp < 0)
        return arci_fail_errno(error, "cannot open a packet socket for ARP on '%s'", interface);
    ARCI_CLOSE int poll = epoll_create1(EPOLL_CLOEXEC);
    if (poll < 0 || poll_both(poll, packets, arp) < 0)
        return arci_fail_errno(error, "cannot watch the packet sockets for DHCP on '%s'", interface);
    *ret_sockets = (struct arci_dhcp_sockets){.interface_index = interface_index,
                                              .poll = arci_steal_fd(&poll),
                                              .packets = arci_steal_fd(&packets),
                                              .arp = arci_steal_fd(&arp)};
    return ARCTIC_OK;
}

void arci_dhcp_sockets_close(struct arci_dhcp_sockets *sockets)
{
    close(sockets->poll);
    close(sockets->packets);
    close(sockets->arp);
    *sockets = (struct arci_dhcp_sockets){.poll = -1, .packets = -1, .arp = -1};
}

static int send_frame(int fd, unsigned interface_index, uint16_t protocol, const uint8_t *bytes,
                      size_t length, const uint8_t mac[6])
{
    struct sockaddr_ll address = link_address(interface_index, protocol);
    memcpy(address.sll_addr, mac, ETH_ALEN);
    ssize_t sent;
    do
        sent = sendto(fd, bytes, length, 0, (const struct sockaddr *)&address, sizeof address);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? errno : 0;
}

int arci_dhcp_sockets_send(const struct arci_dhcp_sockets *sockets, const uint8_t *packet, size_t length,
                           const uint8_t mac[6])
{
    return send_frame(sockets->packets, sockets->interface_index, ETH_P_IP, packet, length, mac);
}

int arci_dhcp_sockets_send_arp(const struct arci_dhcp_sockets *sockets, const uint8_t *frame, size_t length)
{
    static const uint8_t everybody[ETH_ALEN] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    return send_frame(sockets->arp, sockets->interface_index, ETH_P_ARP, frame, length, everybody);
}

/* Packets of this machine's own other namespaces come with a checksum that a network card would have made. */
static bool checksum_is_made(struct msghdr *header)
{
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
        struct tpacket_auxdata auxiliary;
        if (control->cmsg_level != SOL_PACKET || control->cmsg_type != PACKET_AUXDATA ||
            control->cmsg_len < CMSG_LEN(sizeof auxiliary))
            continue;
        memcpy(&auxiliary, CMSG_DATA(control), sizeof auxiliary);
        return !(auxiliary.tp_status & TP_STATUS_CSUMNOTREADY);
    }
    return true;
}

static bool receive(int fd, struct arci_dhcp_received *ret_received)
{
    struct sockaddr_ll from = {0};
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(struct tpacket_auxdata))];
    struct iovec bytes = {.iov_base = ret_received->bytes, .iov_len = sizeof ret_received->bytes};
    struct msghdr header = {.msg_name = &from,
                            .msg_namelen = sizeof from,
                            .msg_iov = &bytes,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof control};
    ssize_t got = recvmsg(fd, &header, MSG_DONTWAIT);
    ret_received->length = 0;
    if (got < 0)
        return errno != EAGAIN && errno != EWOULDBLOCK; /* ENETDOWN is told once */
    if ((header.msg_flags & MSG_TRUNC) || from.sll_halen != ETH_ALEN)
        return true;
    ret_received->length = (size_t)got;
    ret_received->check = checksum_is_made(&header);
    memcpy(ret_received->mac, from.sll_addr, ETH_ALEN);
    return true;
}

bool arci_dhcp_sockets_receive(const struct arci_dhcp_sockets *sockets,
                               struct arci_dhcp_received *ret_received)
{
    return receive(sockets->packets, ret_received);
}

bool arci_dhcp_sockets_receive_arp(const struct arci_dhcp_sockets *sockets,
                                   struct arci_dhcp_received *ret_received)
{
    return receive(sockets->arp, ret_received);
}

int arci_dhcp_sockets_watch(const struct arci_dhcp_sockets *sockets, uint32_t address,
                            struct arctic_error *error)
{
    int result = address ? admit_arp(sockets->arp, address) : admit_nothing(sockets->arp);
    if (result < 0)
        return arci_fail_errno(error, "cannot set the filter of the ARP socket for DHCP");
    return ARCTIC_OK;
}
