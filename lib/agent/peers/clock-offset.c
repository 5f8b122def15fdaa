/* See clock-offset.h. */
#include "agent/peers/clock-offset.h"

static bool is_open(const struct arci_clock_offset *offset)
{
    return offset->at_most == INT64_MAX;
}

static bool is_as_narrow(const struct arci_clock_offset *one, const struct arci_clock_offset *other)
{
    if (is_open(one) || is_open(other))
        return is_open(other);
    return one->at_most - one->at_least <= other->at_most - other->at_least;
}

static bool contradicts(const struct arci_clock_offset *one, const struct arci_clock_offset *other)
{
    return one->at_least > other->at_most || one->at_most < other->at_least;
}

/* Where the range has no end, a clock that is not surely ahead is taken for right: nothing speaks against it. */
static void judge(struct arci_clock_offset *offset)
{
    if (offset->at_least > ARCI_CLOCK_OFFSET_LIMIT_MS || offset->at_most < -ARCI_CLOCK_OFFSET_LIMIT_MS)
        offset->differs = true;
    else if (is_open(offset) || (offset->at_least >= -ARCI_CLOCK_OFFSET_LIMIT_MS &&
                                 offset->at_most <= ARCI_CLOCK_OFFSET_LIMIT_MS))
        offset->differs = false;
}

void arci_clock_offset_take(struct arci_clock_offset *offset, int64_t said, int64_t now, int64_t round_trip)
{
    const struct arci_clock_offset sample = {
        .known = true,
        .differs = offset->differs,
        .at_least = said - now,
        .at_most = round_trip < 0 ? INT64_MAX : said - now + round_trip,
    };
    if (offset->known && !is_as_narrow(&sample, offset) && !contradicts(&sample, offset))
        return;
    *offset = sample;
    judge(offset);
}

void arci_clock_offset_forget(struct arci_clock_offset *offset)
{
    offset->known = false;
}

bool arci_clock_offset_ahead(const struct arci_clock_offset *offset, int64_t *ret_ahead)
{
    if (!offset->known)
        return false;
    if (is_open(offset) && offset->at_least <= 0)
        return false;
    *ret_ahead = offset->at_least > 0 ? offset->at_least : offset->at_most < 0 ? offset->at_most : 0;
    return true;
}
