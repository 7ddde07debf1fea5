/* command_line.c - what tests say to a running farm. One line, one answer:
 *
 *     WHO FAULT VALUE        faults.c lists them          all latency 50
 *     WHO password TEXT      log-ins with another fail    n03 password other
 *     WHO power on|off       somebody pushed the button   n04 power on
 *     WHO clear              no faults and no sessions any more
 *     WHO stats              one BMC's truth, as JSON
 *     stats                  the whole farm's
 *     dump FILE              a line for each BMC, see report.c
 *     zero                   all counts
 *     quit
 *
 * WHO is a name, an address, `all`, or a share of them: `30%`, by --seed. */
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
        sessions_forget(bmc);
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

/* "30%": so many of them, drawn anew each time. False: not a share. */
static bool share_read(const char *word, uint32_t *percent)
{
    char *end;
    const unsigned long number = strtoul(word, &end, 10);
    *percent = (uint32_t)number;
    return end != word && strcmp(end, "%") == 0 && number <= 100;
}

static int some_told(struct farm *farm, uint32_t percent, size_t count, char *const words[])
{
    uint32_t wanted = (uint32_t)((uint64_t)farm->count * percent / 100);
    for (uint32_t i = 0; i < farm->count && wanted; i++) {
        if (random_below(farm, farm->count - i) >= wanted)
            continue;
        wanted--;
        if (bmc_told(farm, &farm->bmcs[i], count, words))
            return -1;
    }
    return 0;
}

static int farm_told(struct farm *farm, size_t count, char *const words[])
{
    if (count == 2 && strcmp(words[0], "dump") == 0)
        return report_dump(farm, words[1]);
    if (count != 1)
        return -1;
    if (strcmp(words[0], "zero") == 0)
        report_zero(farm);
    else if (strcmp(words[0], "quit") == 0)
        farm->quit = true;
    else
        return -1;
    return 0;
}

void steer(struct farm *farm, char *command, char *answer, size_t size)
{
    char *words[WORDS_MAX];
    const size_t count = split(command, words);
    struct bmc *bmc = count > 1 ? farm_named(farm, words[0]) : NULL;
    uint32_t percent = 100;
    int result;
    if (count == 1 && strcmp(words[0], "stats") == 0) {
        report_farm(farm, answer, size);
        return;
    }
    if (bmc && count == 2 && strcmp(words[1], "stats") == 0) {
        report_bmc(farm, bmc, answer, size);
        return;
    }
    if (bmc)
        result = bmc_told(farm, bmc, count, words);
    else if (count > 1 && (strcmp(words[0], "all") == 0 || share_read(words[0], &percent)))
        result = some_told(farm, percent, count, words);
    else
        result = farm_told(farm, count, words);
    (void)snprintf(answer, size, result ? "error: not understood; see bmc_farm --help\n" : "ok\n");
}
