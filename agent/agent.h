/* agent.h - the agent's life: born from a configuration, ended by a signal. */
#ifndef POWERCTL_AGENT_H
#define POWERCTL_AGENT_H

struct agent_options {
    const char *config;                          /* path of the configuration */
    const char *socket, *state_dir, *driver_dir; /* win over it; NULL: not given */
};

/* Runs until SIGTERM or SIGINT. SIGHUP reads the configuration again, all or nothing. Exit
 * code: 0 after a clean end, 1 if it could not start, 2 if the configuration is bad. */
int agent_run(const struct agent_options *options);

/* Prints "FILE: good: 16 nodes, 17 devices" (0), after warnings if there are any, or every error
 * (2). */
int agent_check_config(const struct agent_options *options);

#endif
