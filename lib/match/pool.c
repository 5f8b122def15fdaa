/* Pools of items. */
#include "match/pool.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/error.h"

/* As many as an index of them may have slots (index.c). */
#define CAPACITY_HIGHEST 0x7fffffffu
#define CAPACITY_FIRST 16u

/* An eighth more, not twice: at a million routes the slack would be most of a hundred bytes each. */
static uint64_t next_capacity(uint64_t capacity, uint64_t needed)
{
    uint64_t grown = capacity + capacity / 8;
    uint64_t least = grown > CAPACITY_FIRST ? grown : CAPACITY_FIRST;
    return needed > least ? needed : least;
}

#define HUGE_PAGE ((size_t)2 << 20)
#define HUGE_FROM (4 * HUGE_PAGE) /* below, what is lost to whole pages would be too much */

/*
 * Of a large table a lookup misses the TLB at nearly every step, and the walk over page tables that follows takes as long as the memory
 * itself: huge pages, where the kernel has some, are a quarter of the time. It is asked and may refuse.
 */
void *arci_pool_allocate(size_t size)
{
    bool whole = size >= HUGE_PAGE && size % HUGE_PAGE == 0;
    if (size < HUGE_FROM && !whole)
        return malloc(size);
    size = (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    void *items = aligned_alloc(HUGE_PAGE, size);
    if (items)
        (void)madvise(items, size, MADV_HUGEPAGE);
    return items;
}

static uint8_t *resize(const struct arci_pool *pool, size_t size)
{
    if (size < HUGE_FROM)
        return realloc(pool->items, size);
    uint8_t *items = arci_pool_allocate(size);
    if (items && pool->items) {
        memcpy(items, pool->items, (size_t)pool->capacity * pool->item_size);
        free(pool->items);
    }
    return items;
}

int arci_pool_reserve(struct arci_pool *pool, uint32_t count, struct arctic_error *error)
{
    uint64_t needed = (uint64_t)pool->used + 1 + count;
    if (count <= pool->free_count || needed - pool->free_count <= pool->capacity)
        return ARCTIC_OK;
    if (needed > CAPACITY_HIGHEST)
        return arci_fail(error, ARCTIC_E_LIMIT, NULL, "the route table is full");
    uint64_t capacity = next_capacity(pool->capacity, needed);
    if (capacity > CAPACITY_HIGHEST)
        capacity = CAPACITY_HIGHEST;
    uint8_t *items = resize(pool, (size_t)capacity * pool->item_size);
    if (!items)
        return arci_fail_memory(error);
    pool->items = items;
    pool->capacity = (uint32_t)capacity;
    return ARCTIC_OK;
}

uint32_t arci_pool_take(struct arci_pool *pool)
{
    uint32_t index = pool->free_head;
    if (index) {
        memcpy(&pool->free_head, arci_pool_at(pool, index), sizeof pool->free_head);
        pool->free_count--;
    } else {
        assert(pool->used + 1 < pool->capacity);
        index = ++pool->used;
    }
    memset(arci_pool_at(pool, index), 0, pool->item_size);
    return index;
}

void arci_pool_give(struct arci_pool *pool, uint32_t index)
{
    memcpy(arci_pool_at(pool, index), &pool->free_head, sizeof pool->free_head);
    pool->free_head = index;
    pool->free_count++;
}

void arci_pool_release(struct arci_pool *pool)
{
    free(pool->items);
    *pool = (struct arci_pool){.item_size = pool->item_size};
}

size_t arci_pool_bytes(const struct arci_pool *pool)
{
    return (size_t)pool->capacity * pool->item_size;
}
