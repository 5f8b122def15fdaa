/* See ruleset-strays.h. */
#include "kernel/nft/ruleset-strays.h"

static bool keeps(const struct arci_plan *plan, size_t i)
{
    return plan->owned && plan->services[i].never_direct;
}

static size_t find_next(const struct arci_plan *plan, size_t from)
{
    while (from < plan->service_count && !keeps(plan, from))
        from++;
    return from;
}

static bool is_empty(const struct arci_plan *plan)
{
    return find_next(plan, 0) == plan->service_count;
}

static bool is_same(const struct arci_plan *one, const struct arci_plan *other)
{
    size_t i = find_next(one, 0);
    size_t j = find_next(other, 0);
    while (i < one->service_count && j < other->service_count &&
           one->services[i].slot == other->services[j].slot) {
        i = find_next(one, i + 1);
        j = find_next(other, j + 1);
    }
    return i == one->service_count && j == other->service_count;
}

/*
 * What was made on this host comes here: its mark leads it nowhere else now. Of what is forwarded the kernel drops it by itself where a socket
 * waits for it (ip_forward()). A connection that the client tries again goes on when the rules are back.
 */
static void add_chain(struct arci_buffer *text, const struct arci_marks *marks, const struct arci_plan *plan)
{
    arci_buffer_format(
        text,
        "add chain inet arctic strays { type filter hook postrouting priority mangle; policy accept; }\n"
        "add rule inet arctic strays ct mark & 0x%08x == 0 accept\n"
        "add rule inet arctic strays oif lo accept\n"
        "add rule inet arctic strays meta l4proto tcp ct direction original ct mark & 0x%08x { ",
        marks->flag, marks->mask);
    size_t first = find_next(plan, 0);
    for (size_t i = first; i < plan->service_count; i = find_next(plan, i + 1))
        arci_buffer_format(text, "%s0x%08x", i == first ? "" : ", ",
                           arci_marks_captured(marks, plan->services[i].slot));
    arci_buffer_text(text, " } drop\n");
}

void arci_ruleset_change_strays(struct arci_buffer *text, const struct arci_marks *marks,
                                const struct arci_plan *from, const struct arci_plan *to)
{
    if (is_same(from, to))
        return;
    if (!is_empty(from))
        arci_buffer_text(text, "flush chain inet arctic strays\ndelete chain inet arctic strays\n");
    if (!is_empty(to))
        add_chain(text, marks, to);
}
