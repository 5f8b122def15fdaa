/* Items of one size in one array, addressed by 32-bit indices that stay valid when the array moves. Index 0
 * is "none". */
#ifndef ARCI_MATCH_POOL_H
#define ARCI_MATCH_POOL_H

#include <stddef.h>
#include <stdint.h>

#include <arctic/error.h>

struct arci_pool {
    uint8_t *items;
    uint32_t item_size; /* 4 or more: a free item holds the index of the next free one */
    uint32_t used;      /* highest index ever given */
    uint32_t capacity;  /* items there is memory for, the unused item 0 included */
    uint32_t free_head;
    uint32_t free_count;
};

static inline void *arci_pool_at(const struct arci_pool *pool, uint32_t index)
{
    return pool->items + (size_t)index * pool->item_size;
}

/* Memory for so many bytes of items, to be freed with free(); NULL where there is none. */
void *arci_pool_allocate(size_t size);

/* Makes sure that the next `count` arci_pool_take() succeed. Errors: ARCTIC_E_NO_MEMORY, ARCTIC_E_LIMIT. */
int arci_pool_reserve(struct arci_pool *pool, uint32_t count, struct arctic_error *error);

/* The highest index that the next `count` arci_pool_take() may give. */
static inline uint32_t arci_pool_highest(const struct arci_pool *pool, uint32_t count)
{
    return pool->used + (count > pool->free_count ? count - pool->free_count : 0);
}

/* Takes a zeroed item that was reserved. */
uint32_t arci_pool_take(struct arci_pool *pool);

void arci_pool_give(struct arci_pool *pool, uint32_t index);
void arci_pool_release(struct arci_pool *pool);

/* Bytes of memory that the pool holds. */
size_t arci_pool_bytes(const struct arci_pool *pool);

#endif
