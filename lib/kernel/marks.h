/*
 * Packet marks. Arctic uses the bits of one mask and leaves all others as they are; with the default mask
 * 0xfff00000:
 *
 *     0x80000000   flag: the ip rules match this bit and delivers the packet to this host
 *     0x7ff00000   slot: 0 none, 1 the agent itself, 2..2046 a service, 2047 what is refused
 *
 *     0x00100000   bypass: slot 1 without the flag, SO_MARK of every socket of the agent; never captured
 *     0x00200000   transparent: slot 2 without the flag, SO_MARK of the exit's sockets that bear a client's address, and the
 *                  conntrack mark of their connections; never captured
 *     0x80100000   captured: slot 1 with the flag, any packet of a captured connection through this host
 *     0x80000000   made: the flag alone, a later packet of a captured connection that was made on this host
 *     0xfff00000   refused: in a table that outlives the agent, what a service that blocks brings to this host to be refused there
 *     0x80200000+  the first packet of a captured connection, by service; through this host until it is captured
 *
 * What comes through this host and what is made on it have marks of their own for the sake of the ip rules (rules.h).
 * The conntrack mark of a captured connection carries the same bits, so that its later packets need no
 * decision.
 */
#ifndef ARCI_KERNEL_MARKS_H
#define ARCI_KERNEL_MARKS_H

#include <stdbool.h>
#include <stdint.h>

#define ARCI_MARK_MASK_DEFAULT 0xfff00000u
#define ARCI_MARK_BITS_MIN 4u
#define ARCI_MARK_BITS_MAX 16u
#define ARCI_SLOT_AGENT 1u
#define ARCI_SLOT_FIRST_SERVICE 2u
#define ARCI_SLOT_TRANSPARENT 2u /* services' marks have the flag, this one has not */

struct arci_marks {
    uint32_t mask;
    uint32_t flag;  /* highest bit of the mask */
    uint32_t unit;  /* lowest bit of the mask: slot n is n * unit */
    uint32_t slots; /* slots 0..slots-1 exist for the agent and services */
};

/* Whether a mask is one run of ARCI_MARK_BITS_MIN..ARCI_MARK_BITS_MAX bits. */
static inline bool arci_marks_valid_mask(uint32_t mask)
{
    unsigned bits = (unsigned)__builtin_popcount(mask);
    if (bits < ARCI_MARK_BITS_MIN || bits > ARCI_MARK_BITS_MAX)
        return false;
    return mask >> __builtin_ctz(mask) == (1u << bits) - 1;
}

/* The marks of a valid mask. */
static inline struct arci_marks arci_marks_of(uint32_t mask)
{
    unsigned bits = (unsigned)__builtin_popcount(mask);
    uint32_t unit = 1u << __builtin_ctz(mask);
    return (struct arci_marks){
        .mask = mask, .unit = unit, .flag = unit << (bits - 1), .slots = (1u << (bits - 1)) - 1};
}

static inline uint32_t arci_marks_bypass(const struct arci_marks *marks)
{
    return marks->unit * ARCI_SLOT_AGENT;
}

static inline uint32_t arci_marks_transparent(const struct arci_marks *marks)
{
    return marks->unit * ARCI_SLOT_TRANSPARENT;
}

static inline uint32_t arci_marks_refused(const struct arci_marks *marks)
{
    return marks->mask;
}

static inline uint32_t arci_marks_captured(const struct arci_marks *marks, uint32_t slot)
{
    return marks->flag | marks->unit * slot;
}

#endif
