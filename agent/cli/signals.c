#include "agent/cli/signals.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t interrupted, resized;

static void on_interrupt(int number)
{
    (void)number;
    interrupted = 1;
}

static void on_resize(int number)
{
    (void)number;
    resized = 1;
}

void signals_catch(void)
{
    /* Not SA_RESTART: a wait for the agent or for an answer at the terminal must end. */
    struct sigaction interrupt = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
    struct sigaction resize = {.sa_handler = on_resize, .sa_flags = SA_RESTART};
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    (void)sigaction(SIGINT, &interrupt, NULL);
    (void)sigaction(SIGTERM, &interrupt, NULL);
    (void)sigaction(SIGWINCH, &resize, NULL);
    (void)sigaction(SIGPIPE, &ignore, NULL);
}

bool signals_interrupted(void)
{
    return interrupted;
}

bool signals_resized(void)
{
    bool was = resized;
    resized = 0;
    return was;
}
