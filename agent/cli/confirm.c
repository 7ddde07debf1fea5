#include "agent/cli/confirm.h"

#include <stdlib.h>
#include <string.h>

const char *verb_phrase(enum verb verb)
{
    static const char *const phrases[VERBS] = {
        [VERB_STATUS] = "ask the status of",
        [VERB_ON] = "power on",
        [VERB_OFF] = "power off",
        [VERB_CYCLE] = "power-cycle",
        [VERB_RESET] = "reset",
        [VERB_SOFT] = "shut down",
        [VERB_DIAG] = "send a diagnostic interrupt to",
        [VERB_IDENTIFY] = "light the locators of",
        [VERB_NEXT_BOOT] = "set the next boot of",
        [VERB_REBOOT] = "reboot",
        [VERB_NETBOOT] = "netboot",
        [VERB_CHECK] = "check",
    };
    return phrases[verb];
}

bool confirm_ask(FILE *in, FILE *out, enum verb verb, const struct problem *problem)
{
    char answer[64], expected[16];
    (void)fprintf(out, "%s %u nodes (%s)? type %u to go on: ", verb_phrase(verb), problem->count,
                  problem->folded, problem->count);
    (void)fflush(out);
    if (!fgets(answer, sizeof answer, in)) {
        (void)fputc('\n', out);
        return false;
    }
    answer[strcspn(answer, " \t\r\n")] = '\0';
    (void)snprintf(expected, sizeof expected, "%u", problem->count);
    return !strcmp(answer, expected);
}
