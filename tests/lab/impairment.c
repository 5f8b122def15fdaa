/*
 * Generators and loss models: see impairment.h.
 *
 * Guarantee: over many frames the share lost is loss_percent / 100 =: p in both models. With burst_frames =:
 * L > 0 the Gilbert-Elliott chain (Elliott 1963, with nothing lost in the good state and everything in the
 * bad one) leaves the bad state with probability r = 1 / L, so runs have mean length L, and enters it with q
 * = r p / (1 - p), so that its share of the time q / (q + r) is p.
 */
#include "impairment.h"

/* SplitMix64: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static bool happens(uint64_t *state, double probability)
{
    return (double)(draw(state) >> 11) * 0x1p-53 < probability;
}

void impairment_seed(struct impairment *impairment, double seed, uint64_t stream)
{
    uint64_t state = (uint64_t)seed * 2 + stream;

    *impairment = (struct impairment){0};
    impairment->loss = draw(&state);
    impairment->reorder = draw(&state);
    impairment->duplicate = draw(&state);
    impairment->corrupt = draw(&state);
}

static bool loses_in_bursts(struct impairment *impairment, double mean, double length)
{
    double leave = length > 1 ? 1 / length : 1;
    double enter = leave * mean / (1 - mean);

    impairment->in_burst =
        impairment->in_burst ? !happens(&impairment->loss, leave) : happens(&impairment->loss, enter);
    return impairment->in_burst;
}

bool impairment_loses(struct impairment *impairment, const struct settings *settings)
{
    double mean = settings->loss_percent / 100;

    if (mean <= 0 || mean >= 1)
        return mean >= 1;
    if (settings->burst_frames > 0)
        return loses_in_bursts(impairment, mean, settings->burst_frames);
    return happens(&impairment->loss, mean);
}

bool impairment_reorders(struct impairment *impairment, const struct settings *settings)
{
    return settings->reorder_percent > 0 && happens(&impairment->reorder, settings->reorder_percent / 100);
}

bool impairment_duplicates(struct impairment *impairment, const struct settings *settings)
{
    return settings->duplicate_percent > 0 &&
           happens(&impairment->duplicate, settings->duplicate_percent / 100);
}

bool impairment_corrupts(struct impairment *impairment, const struct settings *settings, uint64_t bits,
                         uint64_t *ret_bit)
{
    if (settings->corrupt_percent <= 0 || !bits ||
        !happens(&impairment->corrupt, settings->corrupt_percent / 100))
        return false;
    *ret_bit = draw(&impairment->corrupt) % bits;
    return true;
}
