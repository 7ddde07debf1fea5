#include "agent/cli/options.h"

#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cli/duration.h"
#include "proto/cleanup.h"
#include "proto/spelling.h"

enum kind { FLAG, COUNT, TEXT, SECONDS, MILLISECONDS, FORMAT_WORD, PROGRESS_WORD };

static const char *const format_words[FORMATS] = {"table", "json", "jsonl", "csv", "nodeset"};
static const char *const progress_words[PROGRESS_STYLES] = {"auto", "tty", "plain", "json", "none"};

#define AT(member) offsetof(struct options, member)
/* clang-format off */
static const struct option_row {
    const char *name;
    char letter;
    unsigned takes;
    const char *argument;
    enum kind kind;
    size_t offset, has; /* has 0: nobody asks */
    const char *help;
} rows[] = {
    { "exclude", 'x', TAKES_NODES, "NODES", TEXT, AT(exclude), 0, "leave these nodes out" },
    { "yes", 'y', TAKES_JOB, NULL, FLAG, AT(yes), 0, "do it, however many nodes there are" },
    { "max-nodes", 0, TAKES_JOB, "N", COUNT, AT(max_nodes), AT(has_max_nodes), "do it if there are at most N nodes, else refuse" },
    { "key", 0, TAKES_JOB, "KEY", TEXT, AT(key), 0, "a name for this request: asked twice, it is done once" },
    { "no-wait", 0, TAKES_JOB, NULL, FLAG, AT(no_wait), 0, "print the job's id and return at once" },
    { "with-lock", 0, TAKES_JOB, NULL, FLAG, AT(with_lock), 0, "do it to nodes that you have locked, too" },
    { "reason", 'r', TAKES_REASON, "TEXT", TEXT, AT(reason), 0, "why, for whoever comes next" },
    { "until", 0, TAKES_REASON, "WHEN", TEXT, AT(until), 0, "2h, 3d, 18:00, 2026-11-24 or 2026-11-24T18:00; else until it is unlocked" },
    { "steal", 0, TAKES_STEAL, NULL, FLAG, AT(steal), 0, "even if somebody else holds the lock" },
    { "for", 0, TAKES_STEAL | TAKES_JOB, "NAME", TEXT, AT(on_behalf), 0, "whose lock it is, where several are root (else $SUDO_USER)" },
    { "retry", 0, TAKES_RETRY, "N", COUNT, AT(retry), AT(has_retry), "try a node up to N more times, where that can help" },
    { "batch", 0, TAKES_WAVES, "N", COUNT, AT(batch), AT(has_batch), "N nodes at a time" },
    { "max-failures", 0, TAKES_WAVES, "F", COUNT, AT(max_failures), AT(has_max_failures), "start no more nodes once F have failed" },
    { "grace", 0, TAKES_GRACE, "DURATION", SECONDS, AT(grace_s), AT(has_grace), "how long a soft off may take" },
    { "netboot", 0, TAKES_NETBOOT, NULL, FLAG, AT(netboot), 0, "come up through the network" },
    { "native", 0, TAKES_NATIVE, NULL, FLAG, AT(native), 0, "the device's own cycle, where the config allows it" },
    { "feeds", 0, TAKES_FEEDS, NULL, FLAG, AT(feeds), 0, "by the outlets that feed it (AC power), where it has a BMC too" },
    { "seconds", 0, TAKES_IDENTIFY, "N", SECONDS, AT(seconds), AT(has_seconds), "how long the light is on (15)" },
    { "stop", 0, TAKES_IDENTIFY, NULL, FLAG, AT(stop), 0, "switch the light off" },
    { "expand", 0, TAKES_EXPAND, NULL, FLAG, AT(expand), 0, "one name a line; asks no device" },
    { "follow", 'f', TAKES_FOLLOW, NULL, FLAG, AT(follow), 0, "follow it to its end" },
    { "all", 'a', TAKES_ALL, NULL, FLAG, AT(all), 0, "what 'status' did too" },
    { "since", 0, TAKES_HISTORY, "WHEN", TEXT, AT(since), 0, "2h, 3d, 18:00, 2026-11-24 or 2026-11-24T18:00" },
    { "limit", 'n', TAKES_HISTORY, "N", COUNT, AT(limit), AT(has_limit), "at most the last N events (100; with --since 10000)" },
    { "timeout", 0, TAKES_WAIT | TAKES_TIMEOUT, "DURATION", MILLISECONDS, AT(timeout_ms), 0, "wait this long, then exit 5; the job goes on" },
    { "progress", 0, TAKES_WAIT, "HOW", PROGRESS_WORD, AT(progress), 0, "auto, tty, plain, json or none; on stderr" },
    { "format", 0, TAKES_FORMAT, "FORMAT", FORMAT_WORD, AT(format), 0, "table, json, jsonl, csv or nodeset; on stdout" },
    { "quiet", 'q', TAKES_ALWAYS, NULL, FLAG, AT(quiet), 0, "nothing if all is well; else what went wrong, fit for a mail" },
    { "no-color", 0, TAKES_ALWAYS, NULL, FLAG, AT(no_color), 0, "no colours (so does the variable NO_COLOR)" },
    { "socket", 0, TAKES_ALWAYS, "PATH", TEXT, AT(socket), 0, "the agent's socket (or the variable POWERCTL_SOCKET)" },
    { "version", 0, TAKES_PROGRAM, NULL, FLAG, AT(version), 0, "of this program and of the agent" },
    { "help", 'h', TAKES_ALWAYS, NULL, FLAG, AT(help), 0, "this text" },
};
/* clang-format on */

const char *option_name(unsigned index)
{
    return index < ARRAY_SIZE(rows) ? rows[index].name : NULL;
}

static int read_count(const struct option_row *row, const char *text, uint32_t *count,
                      struct err *err)
{
    char *end;
    unsigned long long number = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end || number > 1000000)
        return err_set(err, ERR_USAGE, "--%s takes a number from 0 to 1000000, not '%s'", row->name,
                       text);
    *count = (uint32_t)number;
    return 0;
}

static int read_word(const struct option_row *row, const char *text, const char *const *words,
                     int count, struct err *err)
{
    for (int i = 0; i < count; i++)
        if (!strcmp(words[i], text))
            return i;
    /* Of "a, b or c; on stdout" only the words. */
    return err_set(err, ERR_USAGE, "--%s cannot be '%s'; it is %.*s", row->name, text,
                   (int)strcspn(row->help, ";"), row->help);
}

static int read_value(const struct option_row *row, const char *text, struct options *options,
                      struct err *err)
{
    void *at = (char *)options + row->offset;
    uint64_t ms;
    int word;
    switch (row->kind) {
    case FLAG:
        *(bool *)at = true;
        return 0;
    case TEXT:
        *(const char **)at = text;
        return 0;
    case COUNT:
        return read_count(row, text, at, err);
    case SECONDS:
    case MILLISECONDS:
        if (duration_parse(text, &ms, err))
            return err_prefix(err, "--%s", row->name);
        if (row->kind == SECONDS)
            *(uint32_t *)at = (uint32_t)((ms + 999) / 1000);
        else
            *(uint64_t *)at = ms;
        return 0;
    case FORMAT_WORD:
        word = read_word(row, text, format_words, FORMATS, err);
        if (word >= 0)
            options->format = (enum format)word;
        return word < 0 ? -1 : 0;
    case PROGRESS_WORD:
        word = read_word(row, text, progress_words, PROGRESS_STYLES, err);
        if (word >= 0)
            options->progress = (enum progress_style)word;
        return word < 0 ? -1 : 0;
    }
    return -1;
}

enum { FIRST_LONG = 256 };

/* getopt_long's two tables, of all rows: one that the command does not take is told so. */
static void make_tables(bool stop_at_word, struct option table[ARRAY_SIZE(rows) + 1],
                        char letters[2 * ARRAY_SIZE(rows) + 3])
{
    char *letter = letters;
    if (stop_at_word)
        *letter++ = '+';
    *letter++ = ':';
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        table[i] = (struct option){
            .name = rows[i].name, .has_arg = rows[i].argument ? 1 : 0, .val = FIRST_LONG + (int)i};
        if (rows[i].letter)
            *letter++ = rows[i].letter;
        if (rows[i].letter && rows[i].argument)
            *letter++ = ':';
    }
    table[ARRAY_SIZE(rows)] = (struct option){0};
    *letter = '\0';
}

static const struct option_row *find_row(int value)
{
    if (value >= FIRST_LONG)
        return &rows[value - FIRST_LONG];
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        if (rows[i].letter == value)
            return &rows[i];
    return NULL;
}

/* Of a long option that is unknown; a letter has no neighbours. */
static int unknown_option(const char *word, unsigned takes, const char *command, struct err *err)
{
    char name[40] = "";
    if (!strncmp(word, "--", 2))
        (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    struct spelling spelling = spelling_of(name);
    for (size_t i = 0; *name && i < ARRAY_SIZE(rows); i++)
        if (rows[i].takes & takes)
            spelling_consider(&spelling, rows[i].name);
    if (spelling.nearest)
        return err_set(err, ERR_USAGE, "unknown option %s; did you mean --%s? See '%s --help'",
                       word, spelling.nearest, command);
    return err_set(err, ERR_USAGE, "unknown option %s; see '%s --help'", word, command);
}

static int take_option(int value, char **argv, unsigned takes, const char *command,
                       struct options *options, struct err *err)
{
    if (value == ':')
        return err_set(err, ERR_USAGE, "%s takes a value; see '%s --help'", argv[optind - 1],
                       command);
    const struct option_row *row = find_row(value);
    if (!row)
        return unknown_option(argv[optind - 1], takes, command, err);
    if (!(row->takes & takes))
        return err_set(err, ERR_USAGE, "'%s' does not take --%s; see '%s --help'", command,
                       row->name, command);
    if (read_value(row, optarg, options, err))
        return -1;
    if (row->has)
        *(bool *)((char *)options + row->has) = true;
    return 0;
}

int options_parse(int argc, char **argv, unsigned takes, bool stop_at_word, const char *command,
                  struct options *options, int *rest, struct err *err)
{
    struct option table[ARRAY_SIZE(rows) + 1];
    char letters[2 * ARRAY_SIZE(rows) + 3];
    make_tables(stop_at_word, table, letters);
    opterr = 0;
    optind = 0; /* glibc: start all over */
    for (;;) {
        int value = getopt_long(argc, argv, letters, table, NULL);
        if (value < 0)
            break;
        if (take_option(value, argv, takes, command, options, err))
            return -1;
    }
    *rest = optind;
    return 0;
}

void options_help(FILE *out, unsigned takes)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct option_row *row = &rows[i];
        char left[40], letter[8] = "    ";
        if (!(row->takes & takes))
            continue;
        if (row->letter)
            (void)snprintf(letter, sizeof letter, "-%c, ", row->letter);
        (void)snprintf(left, sizeof left, "%s--%s%s%s", letter, row->name, row->argument ? " " : "",
                       row->argument ? row->argument : "");
        (void)fprintf(out, "  %-26s %s\n", left, row->help);
    }
}
