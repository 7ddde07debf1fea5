/* report.c - what really happened, in numbers.
 *
 * dump: one line a BMC, for a test or a bench to hold a client's answers against:
 *
 *     ADDRESS on|off dead|live CONTROLS POWER-ONS RESETS NETWORK-BOOTS REQUESTS REPEATED LEFT
 *
 * CONTROLS: chassis controls executed; REPEATED: packets dropped for their sequence number;
 * LEFT: sessions that were begun and not closed. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "tests/peers/bmc_farm/farm.h"

void report_bmc(struct farm *farm, const struct bmc *bmc, char *answer, size_t size)
{
    const struct bmc_counts *c = &bmc->counts;
    (void)snprintf(answer, size,
                   "{\"name\":\"%s\",\"address\":\"%s\",\"power\":\"%s\",\"control\":%u,"
                   "\"power_on\":%u,\"power_off\":%u,\"reset\":%u,\"boot_flags\":%u,"
                   "\"network_boots\":%u,\"flags\":\"%02x %02x\",\"asked\":%u,\"answered\":%u,"
                   "\"repeated\":%u,\"opened\":%u,\"activated\":%u,\"closed\":%u,"
                   "\"sessions\":%u,\"identify\":%d}\n",
                   bmc_name(farm, bmc), bmc_address(farm, bmc), bmc->chassis.on ? "on" : "off",
                   c->control, c->power_on, c->power_off, c->reset, c->boot_flags, c->network_boots,
                   bmc->chassis.boot_flags[0], bmc->chassis.boot_flags[1], c->asked, c->answered,
                   c->repeated, c->opened, c->activated, c->closed, sessions_held(farm, bmc),
                   bmc->chassis.identify);
}

/* Over all BMCs. */
struct sums {
    uint64_t on, control, power_on, power_off, reset, activated, closed, sessions, twice;
};

static struct sums sums_of(const struct farm *farm)
{
    struct sums sums = {0};
    for (uint32_t i = 0; i < farm->count; i++) {
        const struct bmc *bmc = &farm->bmcs[i];
        sums.on += bmc->chassis.on;
        sums.control += bmc->counts.control;
        sums.power_on += bmc->counts.power_on;
        sums.power_off += bmc->counts.power_off;
        sums.reset += bmc->counts.reset;
        sums.activated += bmc->counts.activated;
        sums.closed += bmc->counts.closed;
        sums.sessions += sessions_held(farm, bmc);
        sums.twice += bmc->counts.power_on + bmc->counts.reset > 1;
    }
    return sums;
}

/* What will still happen; an edge that was countermanded stays on the agenda, and will not. */
static uint32_t pending(const struct farm *farm)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < farm->agenda.count; i++) {
        const struct item *item = &farm->agenda.items[i];
        count +=
            item->kind == ITEM_REPLY || item->token == farm->bmcs[item->index].chassis.edge_token;
    }
    return count;
}

/* Of the farm itself: whether it was the bottleneck. */
static uint64_t cpu_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

void report_farm(struct farm *farm, char *answer, size_t size)
{
    const struct sums s = sums_of(farm);
    const struct farm_counts *c = &farm->counts;
    (void)snprintf(answer, size,
                   "{\"bmcs\":%u,\"on\":%" PRIu64 ",\"control\":%" PRIu64 ",\"power_on\":%" PRIu64
                   ",\"power_off\":%" PRIu64 ",\"reset\":%" PRIu64
                   ",\"started_more_than_once\":%" PRIu64 ",\"sessions\":%" PRIu64
                   ",\"activated\":%" PRIu64 ",\"closed\":%" PRIu64 ",\"pending\":%u"
                   ",\"received\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"lost_in\":%" PRIu64
                   ",\"lost_out\":%" PRIu64 ",\"malformed\":%" PRIu64 ",\"no_session\":%" PRIu64
                   ",\"repeated\":%" PRIu64 ",\"slots_full\":%" PRIu64 ",\"denied\":%" PRIu64
                   ",\"overflow\":%" PRIu64 ",\"unsent\":%" PRIu64 ",\"cpu_us\":%" PRIu64 "}\n",
                   farm->count, s.on, s.control, s.power_on, s.power_off, s.reset, s.twice,
                   s.sessions, s.activated, s.closed, pending(farm), c->received, c->sent,
                   c->lost_in, c->lost_out, c->malformed, c->no_session, c->repeated, c->slots_full,
                   c->denied, c->overflow, c->unsent, cpu_us());
}

int report_dump(struct farm *farm, const char *path)
{
    FILE *out = fopen(path, "we");
    if (!out) {
        fprintf(stderr, "bmc_farm: %s: %s\n", path, strerror(errno));
        return -1;
    }
    for (uint32_t i = 0; i < farm->count; i++) {
        const struct bmc *bmc = &farm->bmcs[i];
        const struct bmc_counts *c = &bmc->counts;
        fprintf(out, "%s %s %s %u %u %u %u %u %u %u\n", bmc_address(farm, bmc),
                bmc->chassis.on ? "on" : "off", bmc->faults.dead ? "dead" : "live", c->control,
                c->power_on, c->reset, c->network_boots, c->asked, c->repeated,
                c->activated - c->closed);
    }
    return fclose(out);
}

void report_zero(struct farm *farm)
{
    farm->counts = (struct farm_counts){0};
    for (uint32_t i = 0; i < farm->count; i++)
        farm->bmcs[i].counts = (struct bmc_counts){0};
}
