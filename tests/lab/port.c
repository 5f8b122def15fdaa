/* Packet sockets: see port.h, packet(7) and net/packet/af_packet.c. */
#include "port.h"

#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "clock.h"

/* 1 Gbit/s for 100 ms at the kernel's price of about 2.5 times the frame. */
#define SOCKET_BUFFER_BYTES (32 << 20)
/* Older stamps are not of this arrival: the wall clock was set, or a stamp of another use leaked through. */
#define STAMP_OLDEST_NS (100 * NS_PER_MS)
#define VLAN_TAG_BYTES 4

static int option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof(value));
}

static int configure(int fd)
{
    if (option(fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES) ||
        option(fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER_BYTES) ||
        option(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1) ||
        /* What this interface sends is not for the other end of the link. */
        option(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1) || option(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1) ||
        /* The kernel takes the outer VLAN tag off before a packet socket sees the frame. */
        option(fd, SOL_PACKET, PACKET_AUXDATA, 1))
        return -1;
    return 0;
}

static int fill_slots(struct port *port, struct frame_pool *pool)
{
    for (size_t i = 0; i < PORT_BATCH; i++) {
        port->slots[i].frame = frame_pool_take(pool);
        if (!port->slots[i].frame)
            return -1;
    }
    return 0;
}

int port_open(struct port *port, const char *interface, struct frame_pool *pool)
{
    /* Protocol 0 until bind: else frames of every interface would be queued in between. */
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};

    *port = (struct port){.fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
    address.sll_ifindex = (int)if_nametoindex(interface);
    if (port->fd < 0 || !address.sll_ifindex || configure(port->fd) || fill_slots(port, pool) ||
        bind(port->fd, (struct sockaddr *)&address, sizeof(address))) {
        fprintf(stderr, "lab-emulator: %s: %s\n", interface, strerror(errno));
        return -1;
    }
    return 0;
}

static void prepare(struct port *port)
{
    for (size_t i = 0; i < PORT_BATCH; i++) {
        struct port_slot *slot = &port->slots[i];

        slot->data =
            (struct iovec){.iov_base = slot->frame->data, .iov_len = FRAME_CAPACITY - VLAN_TAG_BYTES};
        port->messages[i].msg_hdr = (struct msghdr){.msg_iov = &slot->data,
                                                    .msg_iovlen = 1,
                                                    .msg_control = slot->control,
                                                    .msg_controllen = sizeof(slot->control)};
    }
}

/* The stamp is wall time, which may be set at any moment; its age is what counts. */
static int64_t arrival(struct timespec stamp, int64_t wall, int64_t now)
{
    int64_t age = wall - timespec_to_ns(stamp);

    return age >= 0 && age <= STAMP_OLDEST_NS ? now - age : now;
}

static void put_tag_back(struct frame *frame, const struct tpacket_auxdata *aux)
{
    uint16_t tag[2] = {htons(aux->tp_status & TP_STATUS_VLAN_TPID_VALID ? aux->tp_vlan_tpid : ETH_P_8021Q),
                       htons(aux->tp_vlan_tci)};

    memmove(frame->data + 2 * ETH_ALEN + VLAN_TAG_BYTES, frame->data + 2 * ETH_ALEN,
            frame->length - 2 * ETH_ALEN);
    memcpy(frame->data + 2 * ETH_ALEN, tag, sizeof(tag));
    frame->length += VLAN_TAG_BYTES;
}

/* Reads the ancillary data; false when the frame can not be carried as it is. */
static bool inspect(struct msghdr *header, struct frame *frame, int64_t wall, int64_t now,
                    int64_t *ret_arrival)
{
    bool fit = !(header->msg_flags & MSG_TRUNC) && frame->length >= ETHERNET_HEADER;

    *ret_arrival = now;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(header); c; c = CMSG_NXTHDR(header, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec stamp;

            memcpy(&stamp, CMSG_DATA(c), sizeof(stamp));
            *ret_arrival = arrival(stamp, wall, now);
        } else if (c->cmsg_level == SOL_PACKET && c->cmsg_type == PACKET_AUXDATA) {
            struct tpacket_auxdata aux;

            memcpy(&aux, CMSG_DATA(c), sizeof(aux));
            fit = fit && !(aux.tp_status & TP_STATUS_CSUMNOTREADY);
            if (fit && aux.tp_status & TP_STATUS_VLAN_VALID)
                put_tag_back(frame, &aux);
        }
    }
    return fit;
}

int port_receive(struct port *port, struct frame_pool *pool, port_frame_fn take, void *user)
{
    int64_t wall, now, when;
    int count;

    prepare(port);
    count = recvmmsg(port->fd, port->messages, PORT_BATCH, MSG_DONTWAIT, NULL);
    if (count < 0)
        return errno == ENXIO || errno == ENODEV ? -1 : 0;
    /* Both after the call, which may have taken long: the age of a stamp counts from here. */
    wall = clock_ns(CLOCK_REALTIME);
    now = clock_ns(CLOCK_MONOTONIC);
    for (int i = 0; i < count; i++) {
        struct port_slot *slot = &port->slots[i];
        struct frame *fresh;

        slot->frame->length = port->messages[i].msg_len;
        if (!inspect(&port->messages[i].msg_hdr, slot->frame, wall, now, &when)) {
            port->stats.unfit++;
            continue;
        }
        fresh = frame_pool_take(pool);
        if (!fresh) {
            port->stats.missed++;
            continue;
        }
        take(user, slot->frame, when);
        slot->frame = fresh;
    }
    return count;
}

void port_send(struct port *port, struct frame *const *frames, unsigned int count)
{
    struct mmsghdr messages[PORT_BATCH] = {0};
    struct iovec data[PORT_BATCH];
    unsigned int done = 0;

    for (unsigned int i = 0; i < count; i++) {
        data[i] = (struct iovec){.iov_base = frames[i]->data, .iov_len = frames[i]->length};
        messages[i].msg_hdr.msg_iov = &data[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    while (done < count) {
        int sent = sendmmsg(port->fd, messages + done, count - done, MSG_DONTWAIT);

        if (sent <= 0) {
            /* The error belongs to the first frame; the ones behind it may still go. */
            port->stats.undelivered++;
            sent = 1;
        }
        done += (unsigned int)sent;
    }
}

void port_count_missed(struct port *port)
{
    struct tpacket_stats stats;
    socklen_t length = sizeof(stats);

    /* Reading resets the kernel's counter. */
    if (!getsockopt(port->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &length))
        port->stats.missed += stats.tp_drops;
}
