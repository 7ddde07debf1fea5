/* rtt.h - how long a BMC takes to answer, and when to ask it again.
 *
 * Pure; milliseconds throughout.  The memory of one BMC outlives its sessions: the second
 * operation already knows the pace of the first.
 *
 * Without history a datagram is sent again after 400 ms (option retransmit_ms); sooner, but not
 * before 200 ms, where the neighbours are quicker, and then doubling up to 400; with history
 * after 2*srtt + 4*rttvar, between 100 ms and 3 s, but no longer than 400 ms or 2*srtt; flat for
 * three tries, then doubling.
 *
 * The answer to a message that was resent may be the answer to any copy.  While nothing sure is
 * known it counts for the first, since a pace thought too quick keeps a slow BMC from ever
 * answering a first copy; but for the last, once, if so the neighbours' pace has it. */
#ifndef POWERCTL_IPMI_RTT_H
#define POWERCTL_IPMI_RTT_H

#include <stdbool.h>
#include <stdint.h>

enum { RTT_FLOOR_MS = 100, RTT_STRANGER_MS = 200, RTT_CEILING_MS = 3000, RTT_FLAT_TRIES = 3 };

struct rtt {
    uint32_t smoothed_x8, variation_x4; /* fixed point, as TCP keeps them */
    bool known;
    bool doubtful; /* made only from exchanges that were resent: may be far too long */
};

/* An answer came: `first_ms` after the first copy was sent, `last_ms` after the last one.
 * `neighbours`: the pace of all BMCs, of answers to first copies; may be NULL. */
void rtt_learn(struct rtt *rtt, const struct rtt *neighbours, uint64_t first_ms, uint64_t last_ms,
               unsigned copies);

/* How long to wait after the nth copy (1..). While nothing is known `initial_ms` counts, or less
 * if the neighbours (may be NULL) have it so. */
uint64_t rtt_patience(const struct rtt *rtt, const struct rtt *neighbours, unsigned copies,
                      uint32_t initial_ms);

#endif
