/* options.h - every option of every command, once: one table makes getopt_long's tables, the
 * help, and the error when a command does not take an option. */
#ifndef POWERCTL_OPTIONS_H
#define POWERCTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/err.h"

enum format { FORMAT_TABLE, FORMAT_JSON, FORMAT_JSONL, FORMAT_CSV, FORMAT_NODESET, FORMATS };
enum progress_style {
    PROGRESS_AUTO,
    PROGRESS_TTY,
    PROGRESS_PLAIN,
    PROGRESS_JSON,
    PROGRESS_NONE,
    PROGRESS_STYLES
};

/* What a command takes: groups of options. */
enum {
    TAKES_ALWAYS = 1, /* --help --socket --quiet --no-color */
    TAKES_FORMAT = 2,
    TAKES_NODES = 4,  /* -x */
    TAKES_WAIT = 8,   /* --progress, and --timeout */
    TAKES_JOB = 16,   /* --yes --max-nodes --key --no-wait --with-lock --for */
    TAKES_WAVES = 32, /* --batch --max-failures */
    TAKES_RETRY = 64,
    TAKES_GRACE = 128,
    TAKES_NETBOOT = 256,
    TAKES_NATIVE = 512,
    TAKES_IDENTIFY = 1024,
    TAKES_EXPAND = 2048,
    TAKES_FOLLOW = 4096,
    TAKES_TIMEOUT = 8192,
    TAKES_ALL = 16384,
    TAKES_PROGRAM = 32768,  /* before any command: --version */
    TAKES_STEAL = 65536,    /* --steal --for */
    TAKES_REASON = 131072,  /* --reason --until */
    TAKES_HISTORY = 262144, /* --since --limit */
    TAKES_FEEDS = 524288,
};

struct options {
    bool help, quiet, no_color, yes, no_wait, netboot, native, stop, expand, follow, all, version;
    bool with_lock, steal, feeds;
    bool has_retry, has_batch, has_max_failures, has_max_nodes, has_grace, has_seconds, has_limit;
    enum format format;
    enum progress_style progress;
    uint32_t max_nodes, retry, batch, max_failures, limit;
    uint32_t grace_s, seconds;
    uint64_t timeout_ms;                                                     /* 0: none */
    const char *socket, *key, *exclude, *reason, *until, *since, *on_behalf; /* NULL: not given */
};

/* Reads options out of argv; *rest is the index of the first that is none, argv is permuted so
 * that the others follow it.  `stop_at_word`: only those before the first word (the command).
 * `command` is how it is called, "powerctl status", for messages. */
int options_parse(int argc, char **argv, unsigned takes, bool stop_at_word, const char *command,
                  struct options *options, int *rest, struct err *err);

/* One line each, of those that `takes` has. */
void options_help(FILE *out, unsigned takes);

/* Calls back for every long option and what it may be, for the completion's test. */
const char *option_name(unsigned index); /* NULL after the last */

#endif
