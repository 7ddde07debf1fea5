/* command_line.c - what tests say to a running farm. One line, one answer:
 *
 *     WHO FAULT VALUE        faults.c lists them          all latency 50
 *     WHO password TEXT      log-ins with another fail    n03 password other
 *     WHO power on|off       somebody pushed the button   n04 power on
 *     WHO clear              no faults and no sessions any more
 *     WHO stats              one BMC's truth, as JSON
 *     stats | quit           the whole farm's; the end
 *
 * WHO is a name, an address, or `all`. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tests/peers/bmc_farm/farm.h"

enum { WORDS_MAX = 4 };

static size_t split(char *line, char *words[WORDS_MAX])
{
    size_t count = 0;
    char *rest = line, *word;
    while (count < WORDS_MAX && (word = strsep(&rest, " ")))
        if (*word)
            words[count++] = word;
    return count;
}

static void stats_of_bmc(struct farm *farm, const struct bmc *bmc, char *answer, size_t size)
{
    (void)snprintf(answer, size,
                   "{\"name\":\"%s\",\"address\":\"%s\",\"power\":\"%s\",\"control\":%u,"
                   "\"power_on\":%u,\"power_off\":%u,\"reset\":%u,\"boot_flags\":%u,"
                   "\"flags\":\"%02x %02x\",\"answered\":%u,\"opened\":%u,\"sessions\":%u,"
                   "\"identify\":%d}\n",
                   bmc_name(farm, bmc), bmc_address(farm, bmc), bmc->chassis.on ? "on" : "off",
                   bmc->counts.control, bmc->counts.power_on, bmc->counts.power_off,
                   bmc->counts.reset, bmc->counts.boot_flags, bmc->chassis.boot_flags[0],
                   bmc->chassis.boot_flags[1], bmc->counts.answered, bmc->counts.opened,
                   sessions_held(farm, bmc), bmc->chassis.identify);
}

static void stats_of_farm(struct farm *farm, char *answer, size_t size)
{
    uint64_t on = 0, control = 0, power_on = 0, power_off = 0, reset = 0, sessions = 0, more = 0;
    for (uint32_t i = 0; i < farm->count; i++) {
        const struct bmc *bmc = &farm->bmcs[i];
        on += bmc->chassis.on;
        control += bmc->counts.control;
        power_on += bmc->counts.power_on;
        power_off += bmc->counts.power_off;
        reset += bmc->counts.reset;
        sessions += sessions_held(farm, bmc);
        more += bmc->counts.power_on + bmc->counts.reset > 1;
    }
    const struct farm_counts *c = &farm->counts;
    (void)snprintf(answer, size,
                   "{\"bmcs\":%u,\"on\":%" PRIu64 ",\"control\":%" PRIu64 ",\"power_on\":%" PRIu64
                   ",\"power_off\":%" PRIu64 ",\"reset\":%" PRIu64
                   ",\"started_more_than_once\":%" PRIu64 ",\"sessions\":%" PRIu64
                   ",\"received\":%" PRIu64 ",\"sent\":%" PRIu64 ",\"lost_in\":%" PRIu64
                   ",\"lost_out\":%" PRIu64 ",\"malformed\":%" PRIu64 ",\"no_session\":%" PRIu64
                   ",\"repeated\":%" PRIu64 ",\"slots_full\":%" PRIu64 ",\"denied\":%" PRIu64
                   ",\"overflow\":%" PRIu64 "}\n",
                   farm->count, on, control, power_on, power_off, reset, more, sessions,
                   c->received, c->sent, c->lost_in, c->lost_out, c->malformed, c->no_session,
                   c->repeated, c->slots_full, c->denied, c->overflow);
}

static int password_change(struct bmc *bmc, const char *text)
{
    if (strlen(text) > PASSWORD_MAX)
        return -1;
    if (!bmc->password)
        bmc->password = calloc(1, sizeof *bmc->password);
    if (bmc->password)
        password_set(bmc->password, text);
    return bmc->password ? 0 : -1;
}

static int bmc_told(struct farm *farm, struct bmc *bmc, size_t count, char *const words[])
{
    if (count == 2 && strcmp(words[1], "clear") == 0) {
        bmc->faults = faults_none();
        free(bmc->password);
        bmc->password = NULL;
        free(bmc->sessions);
        bmc->sessions = NULL;
        return 0;
    }
    if (count != 3)
        return -1;
    if (strcmp(words[1], "password") == 0)
        return password_change(bmc, words[2]);
    if (strcmp(words[1], "power") != 0)
        return fault_set(farm, bmc, words[1], words[2]);
    const bool on = strcmp(words[2], "on") == 0;
    if (!on && strcmp(words[2], "off") != 0)
        return -1;
    chassis_button(farm, bmc, on);
    return 0;
}

static int all_told(struct farm *farm, size_t count, char *const words[])
{
    for (uint32_t i = 0; i < farm->count; i++)
        if (bmc_told(farm, &farm->bmcs[i], count, words))
            return -1;
    return 0;
}

void steer(struct farm *farm, char *command, char *answer, size_t size)
{
    char *words[WORDS_MAX];
    const size_t count = split(command, words);
    struct bmc *bmc = count > 1 ? farm_named(farm, words[0]) : NULL;
    int result = -1;
    if (count == 1 && strcmp(words[0], "stats") == 0) {
        stats_of_farm(farm, answer, size);
        return;
    }
    if (bmc && count == 2 && strcmp(words[1], "stats") == 0) {
        stats_of_bmc(farm, bmc, answer, size);
        return;
    }
    if (count == 1 && strcmp(words[0], "quit") == 0) {
        farm->quit = true;
        result = 0;
    } else if (bmc) {
        result = bmc_told(farm, bmc, count, words);
    } else if (count > 1 && strcmp(words[0], "all") == 0) {
        result = all_told(farm, count, words);
    }
    (void)snprintf(answer, size, result ? "error: not understood; see bmc_farm --help\n" : "ok\n");
}
