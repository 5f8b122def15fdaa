/*
 * Frames under way: fixed cells from one pool, and the singly linked lists they wait in. The pool is the only
 * bound on memory; it is reserved at start and touched as the link fills, so an idle emulator stays small.
 */
#ifndef LAB_FRAME_H
#define LAB_FRAME_H

#include <stddef.h>
#include <stdint.h>

/* Room for a frame of MTU 1500 with two VLAN tags, and a cell that two of which share a page. */
#define FRAME_CELL_BYTES 2048
#define FRAME_HEADER_BYTES 32
#define FRAME_CAPACITY (FRAME_CELL_BYTES - FRAME_HEADER_BYTES)
#define ETHERNET_HEADER 14
#define ETHERNET_FULL_FRAME 1514

struct frame {
    struct frame *next;
    int64_t time_ns; /* of arrival while it waits for the link, of delivery while it is on the link */
    uint32_t length;
    uint32_t reserved[3];
    uint8_t data[FRAME_CAPACITY];
};
_Static_assert(sizeof(struct frame) == FRAME_CELL_BYTES, "a frame fills its cell");

struct frame_list {
    struct frame *head, *tail;
};

struct frame_pool {
    struct frame *cells, *free;
    size_t limit, touched, used;
};

/* Reserves `limit` cells; returns 0 or -1 with errno. The pool lives as long as the process. */
int frame_pool_init(struct frame_pool *pool, size_t limit);
/* NULL when every cell is in use. */
struct frame *frame_pool_take(struct frame_pool *pool);
void frame_pool_give(struct frame_pool *pool, struct frame *frame);

static inline void frame_list_push(struct frame_list *list, struct frame *frame)
{
    frame->next = NULL;
    if (list->head)
        list->tail->next = frame;
    else
        list->head = frame;
    list->tail = frame;
}

/* The list must not be empty. */
static inline struct frame *frame_list_pop(struct frame_list *list)
{
    struct frame *frame = list->head;

    list->head = frame->next;
    return frame;
}

/* Returns how many frames went back to the pool. */
uint64_t frame_list_clear(struct frame_list *list, struct frame_pool *pool);

#endif
