#include "drivers/ipmi/rtt.h"

enum { DOUBLINGS_MAX = 6 };

static void start_over(struct rtt *rtt, uint32_t sample, bool doubtful)
{
    rtt->smoothed_x8 = sample * 8;
    /* Half of the sample, as RFC 6298 has it; a doubtful one is the longest it can be already. */
    rtt->variation_x4 = doubtful ? 0 : sample * 2;
    rtt->known = true;
    rtt->doubtful = doubtful;
}

/* Which copy did the answer belong to?  Too soon after the last one means an earlier one; with
 * no idea of the pace, the first: too long a guess only costs time, too short a one makes every
 * BMC slower than it be asked again and again (ipmipower never controls a 450 ms BMC). */
static uint32_t sample_of(const struct rtt *rtt, uint64_t first_ms, uint64_t last_ms,
                          unsigned copies)
{
    bool of_the_first = copies > 1 && (!rtt->known || last_ms < rtt->smoothed_x8 / 16);
    uint64_t sample = of_the_first ? first_ms : last_ms;
    return sample > 60000 ? 60000 : (uint32_t)sample;
}

void rtt_learn(struct rtt *rtt, uint64_t first_ms, uint64_t last_ms, unsigned copies)
{
    uint32_t sample = sample_of(rtt, first_ms, last_ms, copies);
    bool clean = copies <= 1;
    if (!rtt->known || (clean && rtt->doubtful)) {
        start_over(rtt, sample, !clean);
        return;
    }
    int32_t off = (int32_t)sample - (int32_t)(rtt->smoothed_x8 / 8);
    uint32_t distance = (uint32_t)(off < 0 ? -off : off);
    rtt->smoothed_x8 = (uint32_t)((int32_t)rtt->smoothed_x8 + off);
    rtt->variation_x4 = rtt->variation_x4 - rtt->variation_x4 / 4 + distance;
}

uint64_t rtt_patience(const struct rtt *rtt, unsigned copies, uint32_t initial_ms)
{
    uint64_t wait = initial_ms;
    if (rtt->known) {
        wait = rtt->smoothed_x8 / 4 + rtt->variation_x4;
        wait = wait < RTT_FLOOR_MS ? RTT_FLOOR_MS : wait;
        wait = wait > RTT_CEILING_MS ? RTT_CEILING_MS : wait;
    }
    unsigned doublings = copies > RTT_FLAT_TRIES ? copies - RTT_FLAT_TRIES : 0;
    return wait << (doublings > DOUBLINGS_MAX ? DOUBLINGS_MAX : doublings);
}
