/* command.h - one command line, taken apart: which command, its options, its words. */
#ifndef POWERCTL_COMMAND_H
#define POWERCTL_COMMAND_H

#include <stdio.h>

#include "agent/cli/options.h"
#include "agent/cli/render.h"
#include "agent/client/client.h"
#include "proto/words.h"

struct invocation;

struct command {
    const char *name;
    const char *words; /* what stands after the name, for the usage line */
    const char *help;  /* one line */
    unsigned takes;    /* options */
    int least, most;   /* how many words; most 0: any number */
    /* Exit code. */
    int (*run)(const struct invocation *invocation);
    enum verb verb; /* of a job */
};

struct invocation {
    const struct command *command;
    const char *program; /* "powerctl" or "netboot-now" */
    char called[32];     /* how to call it again: "powerctl status" */
    struct options options;
    int count;
    char **words;
    FILE *in, *out, *err;
    const char *socket;
};

/* The whole program, streams as arguments. */
int cli_run(int argc, char **argv, FILE *in, FILE *out, FILE *err);

/* NULL after the last. */
const struct command *command_at(unsigned index);
const struct command *command_find(const char *name);
/* There is none of this name: sets *err, with what was perhaps meant. -1. */
int command_unknown(const char *name, struct err *err);

/* Tells *err on invocation->err and gives its exit code. */
int command_failed(const struct invocation *invocation, const struct err *err);
struct render command_render(const struct invocation *invocation);

/* jobs: commands_job.c */
int run_job(const struct invocation *invocation);
int run_plan(const struct invocation *invocation);
/* A request from the words after the verb. 0 or -1. */
int make_job_request(const struct invocation *invocation, enum verb verb, char **words, int count,
                     struct job_request *request, struct err *err);
/* Submits it, asks where that is due, and follows the job. Exit code. */
int run_request(const struct invocation *invocation, struct client *client,
                struct job_request *request);
/* outlets of PDUs: commands_outlet.c */
int run_outlets(const struct invocation *invocation);
int run_outlet(const struct invocation *invocation);
/* locks: commands_lock.c */
int run_lock(const struct invocation *invocation);
int run_unlock(const struct invocation *invocation);
int run_locks(const struct invocation *invocation);
/* For whom: --for, or whom sudo names; "" if nobody else. 0 or -1. */
int acting_for(const struct invocation *invocation, char on_behalf[LOCK_FOR_SIZE], struct err *err);
/* After a status: who has locked those of its nodes that are. */
void tell_locks_of(const struct invocation *invocation, struct client *client,
                   const struct job_view *job);
/* questions: commands_look.c */
int run_nodes(const struct invocation *invocation);
int run_history(const struct invocation *invocation);
int run_jobs(const struct invocation *invocation);
int run_cancel(const struct invocation *invocation);
int run_version(const struct invocation *invocation);
/* following: commands_follow.c */
int run_show_job(const struct invocation *invocation);
int run_watch(const struct invocation *invocation);
/* commands_config.c */
int run_config(const struct invocation *invocation);
/* help.c */
int run_help(const struct invocation *invocation);
void command_help(FILE *out, const char *program, const struct command *command);

#endif
