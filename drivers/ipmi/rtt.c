#include "drivers/ipmi/rtt.h"

#include <stddef.h>

enum { DOUBLINGS_MAX = 6 };

/* Late for the first copy and in time for the last one, were it a neighbour. */
static bool fits_the_last(const struct rtt *neighbours, uint64_t first_ms, uint64_t last_ms)
{
    if (!neighbours || !neighbours->known)
        return false;
    uint64_t in_time_ms = neighbours->smoothed_x8 / 4 + neighbours->variation_x4 + 1;
    return first_ms > in_time_ms && last_ms <= in_time_ms;
}

static uint32_t bounded(uint64_t sample_ms)
{
    return sample_ms > 60000 ? 60000 : (uint32_t)sample_ms;
}

/* Half of the sample as variation, as RFC 6298 has it. */
static void start_over(struct rtt *rtt, uint32_t sample, bool doubtful)
{
    *rtt = (struct rtt){
        .smoothed_x8 = sample * 8,
        .variation_x4 = sample * 2,
        .known = true,
        .doubtful = doubtful,
    };
}

void rtt_learn(struct rtt *rtt, const struct rtt *neighbours, uint64_t first_ms, uint64_t last_ms,
               unsigned copies)
{
    bool clean = copies <= 1;
    if (!rtt->known || rtt->doubtful) {
        bool of_the_last = clean || (!rtt->known && fits_the_last(neighbours, first_ms, last_ms));
        start_over(rtt, bounded(of_the_last ? last_ms : first_ms), !clean);
        return;
    }
    /* Too soon after the last copy means an earlier one. */
    bool of_the_first = !clean && last_ms < rtt->smoothed_x8 / 16;
    uint32_t sample = bounded(of_the_first ? first_ms : last_ms);
    int32_t off = (int32_t)sample - (int32_t)(rtt->smoothed_x8 / 8);
    uint32_t distance = (uint32_t)(off < 0 ? -off : off);
    rtt->smoothed_x8 = (uint32_t)((int32_t)rtt->smoothed_x8 + off);
    rtt->variation_x4 = rtt->variation_x4 - rtt->variation_x4 / 4 + distance;
}

static uint64_t pace(const struct rtt *rtt, uint32_t initial_ms)
{
    if (rtt->doubtful) /* the longest it can be already */
        return rtt->smoothed_x8 / 8 + rtt->smoothed_x8 / 32;
    uint64_t twice = rtt->smoothed_x8 / 4, wait = twice + rtt->variation_x4;
    /* Where thousands are asked at once the first answers lie in our own sockets for a while:
     * spread alone is no reason to wait longer than for a BMC nothing is known of. */
    uint64_t most = twice > initial_ms ? twice : initial_ms;
    return wait < most ? wait : most;
}

/* Most BMCs of a site are alike, but the odd one is not: what is hoped for is soon given up. */
static uint64_t hope(const struct rtt *neighbours, unsigned copies, uint32_t initial_ms)
{
    uint64_t wait = pace(neighbours, initial_ms);
    wait = wait < RTT_STRANGER_MS ? RTT_STRANGER_MS : wait;
    wait <<= copies <= RTT_FLAT_TRIES ? copies - 1 : RTT_FLAT_TRIES;
    return wait < initial_ms ? wait : initial_ms;
}

uint64_t rtt_patience(const struct rtt *rtt, const struct rtt *neighbours, unsigned copies,
                      uint32_t initial_ms)
{
    uint64_t wait = initial_ms;
    if (!rtt->known && neighbours && neighbours->known) {
        wait = hope(neighbours, copies, initial_ms);
    } else if (rtt->known) {
        wait = pace(rtt, initial_ms);
        wait = wait < RTT_FLOOR_MS ? RTT_FLOOR_MS : wait;
        wait = wait > RTT_CEILING_MS ? RTT_CEILING_MS : wait;
    }
    unsigned doublings = copies > RTT_FLAT_TRIES ? copies - RTT_FLAT_TRIES : 0;
    return wait << (doublings > DOUBLINGS_MAX ? DOUBLINGS_MAX : doublings);
}
