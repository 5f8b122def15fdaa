/* The pool of frame cells: see frame.h. */
#include "frame.h"

#include <sys/mman.h>

int frame_pool_init(struct frame_pool *pool, size_t limit)
{
    size_t bytes = limit * sizeof(struct frame);
    void *cells =
        mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (cells == MAP_FAILED)
        return -1;
    /* A filling link would else take a page fault every second frame. Where huge pages are off nothing is
     * lost. */
    (void)madvise(cells, bytes, MADV_HUGEPAGE);
    *pool = (struct frame_pool){.cells = cells, .limit = limit};
    return 0;
}

struct frame *frame_pool_take(struct frame_pool *pool)
{
    struct frame *frame = pool->free;

    if (frame)
        pool->free = frame->next;
    else if (pool->touched < pool->limit)
        frame = &pool->cells[pool->touched++];
    else
        return NULL;
    pool->used++;
    return frame;
}

void frame_pool_give(struct frame_pool *pool, struct frame *frame)
{
    frame->next = pool->free;
    pool->free = frame;
    pool->used--;
}

uint64_t frame_list_clear(struct frame_list *list, struct frame_pool *pool)
{
    uint64_t cleared = 0;

    for (; list->head; cleared++)
        frame_pool_give(pool, frame_list_pop(list));
    return cleared;
}
