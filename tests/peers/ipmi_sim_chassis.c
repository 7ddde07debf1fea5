/* ipmi_sim_chassis - a module for OpenIPMI's ipmi_sim (2.0.33) that gives it a faithful chassis.
 *
 * ipmi_sim's own keeps only the device of the boot flags (valid, persistent and EFI bits are
 * lost), refuses parameters 0 and 3, and forks a shell for every power status.  Here BMC and
 * machine share one truth, in files of the machine's folder:
 *
 *     pid        of the running machine: power is on while it lives
 *     bootflags  boot option parameter 5, five hex bytes
 *     events     what the BMC was told, one line each
 *     lies       one word a line, made by tests: ignore-power, drop-flag, no-parameter-3,
 *                die-after-off
 *
 * Control runs "HOOK on|off|..." in the background: a real BMC answers first, too.
 *     loadlib "PATH/ipmi_sim_chassis.so" "DIRECTORY HOOK"
 * One BMC per process. */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <OpenIPMI/mcserv.h>

enum { PATH_SIZE = 512, FLAGS_SIZE = 5, VALID = 0x80, KEEP_VALID_AFTER_60_S = 0x08 };
enum {
    COMPLETION_OK = 0x00,
    COMPLETION_UNKNOWN_PARAMETER = 0x80,
    COMPLETION_SET_IN_PROGRESS = 0x81,
    COMPLETION_TOO_SHORT = 0xc7,
    COMPLETION_INVALID_FIELD = 0xcc,
    COMPLETION_NOT_NOW = 0xd5,
};

static char directory[PATH_SIZE], hook[PATH_SIZE];
static struct {
    unsigned char set_in_progress, valid_bit_clearing, acknowledge[2], policy, restart_cause;
    time_t flags_set; /* 0: never */
} chassis;

static const char *path_of(const char *file)
{
    static char path[PATH_SIZE + 32];
    (void)snprintf(path, sizeof path, "%s/%s", directory, file);
    return path;
}

static void note(const char *format, const char *word)
{
    FILE *events = fopen(path_of("events"), "ae");
    struct timespec now;
    if (!events)
        return;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    fprintf(events, "%lld.%03ld ", (long long)now.tv_sec, now.tv_nsec / 1000000);
    fprintf(events, "bmc: %s %s\n", format, word);
    (void)fclose(events);
}

static bool lies_about(const char *lie)
{
    char word[64];
    bool found = false;
    FILE *lies = fopen(path_of("lies"), "re");
    while (lies && !found && fscanf(lies, "%63s", word) == 1)
        found = strcmp(word, lie) == 0;
    if (lies)
        (void)fclose(lies);
    return found;
}

/* A machine that was killed is a zombie until its parent looks: that is off, too. */
static bool process_lives(long pid)
{
    char path[64], state = 'Z';
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *stat = pid > 0 ? fopen(path, "re") : NULL;
    if (!stat)
        return false;
    if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
        state = 'Z';
    (void)fclose(stat);
    return state != 'Z' && state != 'X';
}

static bool power_is_on(void)
{
    long pid = 0;
    FILE *file = fopen(path_of("pid"), "re");
    if (!file)
        return false;
    if (fscanf(file, "%ld", &pid) != 1)
        pid = 0;
    (void)fclose(file);
    return process_lives(pid);
}

static void flags_write(const unsigned char flags[FLAGS_SIZE])
{
    char complete[PATH_SIZE + 32];
    (void)snprintf(complete, sizeof complete, "%s", path_of("bootflags"));
    FILE *file = fopen(path_of("bootflags.new"), "we");
    if (!file)
        return;
    for (size_t i = 0; i < FLAGS_SIZE; i++)
        fprintf(file, "%02x%c", flags[i], i + 1 < FLAGS_SIZE ? ' ' : '\n');
    (void)fclose(file);
    (void)rename(path_of("bootflags.new"), complete);
}

static void flags_read(unsigned char flags[FLAGS_SIZE])
{
    FILE *file = fopen(path_of("bootflags"), "re");
    memset(flags, 0, FLAGS_SIZE);
    for (size_t i = 0; file && i < FLAGS_SIZE; i++) {
        unsigned byte = 0;
        if (fscanf(file, "%x", &byte) != 1)
            break;
        flags[i] = (unsigned char)byte;
    }
    if (file)
        (void)fclose(file);
    const bool may_expire =
        chassis.flags_set && !(chassis.valid_bit_clearing & KEEP_VALID_AFTER_60_S);
    if ((flags[0] & VALID) && may_expire && time(NULL) - chassis.flags_set > 60) {
        flags[0] &= (unsigned char)~VALID;
        flags_write(flags);
        note("boot flags expired", "(60 s)");
    }
}

/* Twice forked, so that nobody has to wait for it; without our sockets, or the machine would
 * hold the BMC's port when the BMC is gone. */
static void hook_run(const char *verb, bool then_die)
{
    const pid_t self = getpid(), child = fork();
    if (child == 0) {
        const pid_t machine = fork();
        if (machine == 0) {
            (void)setsid();
            for (int fd = 3; fd < 256; fd++)
                (void)close(fd);
            execl(hook, hook, directory, verb, (char *)NULL);
        } else if (then_die) {
            (void)waitpid(machine, NULL, 0);
            (void)kill(self, SIGKILL);
        }
        _exit(0);
    }
    if (child > 0 && !then_die)
        (void)waitpid(child, NULL, 0);
}

#define HANDLER(name)                                                                              \
    static void name(lmc_data_t *mc, msg_t *request, unsigned char *answer, unsigned int *size,    \
                     void *data)
#define UNUSED_ARGUMENTS (void)mc, (void)request, (void)data

static void answer_with(unsigned char *answer, unsigned int *size, const unsigned char *bytes,
                        unsigned int count)
{
    memcpy(answer, bytes, count);
    *size = count;
}

static void completion(unsigned char *answer, unsigned int *size, unsigned char code)
{
    answer_with(answer, size, &code, 1);
}

HANDLER(get_capabilities)
{
    static const unsigned char capabilities[] = {COMPLETION_OK, 0, 0x20, 0x20, 0x20, 0x20, 0x20};
    UNUSED_ARGUMENTS;
    answer_with(answer, size, capabilities, sizeof capabilities);
}

HANDLER(get_status)
{
    const unsigned char status[] = {COMPLETION_OK,
                                    (unsigned char)(power_is_on() | chassis.policy << 5),
                                    chassis.restart_cause ? 0x10 : 0, 0x40};
    UNUSED_ARGUMENTS;
    answer_with(answer, size, status, sizeof status);
}

HANDLER(control)
{
    static const char *const verbs[] = {"off", "on", "cycle", "reset", "diag", "soft"};
    enum { OFF, ON };
    const unsigned wanted = request->len ? request->data[0] & 15 : 15;
    UNUSED_ARGUMENTS;
    if (wanted >= sizeof verbs / sizeof verbs[0]) {
        completion(answer, size, COMPLETION_INVALID_FIELD);
        return;
    }
    if (wanted != OFF && wanted != ON && !power_is_on()) {
        note("refused, power is off:", verbs[wanted]);
        completion(answer, size, COMPLETION_NOT_NOW);
        return;
    }
    completion(answer, size, COMPLETION_OK);
    if (lies_about("ignore-power")) {
        note("says ok, ignores", verbs[wanted]);
        return;
    }
    unsigned char flags[FLAGS_SIZE];
    flags_read(flags);
    chassis.flags_set = chassis.flags_set ? time(NULL) : 0; /* the 60 s start again */
    chassis.restart_cause = 1;
    note("control", verbs[wanted]);
    hook_run(verbs[wanted], wanted == OFF && lies_about("die-after-off"));
}

HANDLER(identify)
{
    UNUSED_ARGUMENTS;
    note("identify", "");
    completion(answer, size, COMPLETION_OK);
}

HANDLER(set_policy)
{
    const unsigned char supported[] = {COMPLETION_OK, 7};
    UNUSED_ARGUMENTS;
    if (request->len && (request->data[0] & 7) < 3)
        chassis.policy = request->data[0] & 3;
    answer_with(answer, size, supported, sizeof supported);
}

HANDLER(get_restart_cause)
{
    const unsigned char cause[] = {COMPLETION_OK, chassis.restart_cause, 1};
    UNUSED_ARGUMENTS;
    answer_with(answer, size, cause, sizeof cause);
}

static unsigned char boot_flags_set(const unsigned char flags[FLAGS_SIZE])
{
    char text[32];
    (void)snprintf(text, sizeof text, "%02x %02x", flags[0], flags[1]);
    if (lies_about("drop-flag")) {
        note("says ok, forgets boot flags", text);
        return COMPLETION_OK;
    }
    flags_write(flags);
    chassis.flags_set = flags[0] & VALID ? time(NULL) : 0;
    note("boot flags", text);
    return COMPLETION_OK;
}

static unsigned char boot_option_set(const unsigned char *data, unsigned int size)
{
    static const unsigned char sizes[] = {2, 2, 2, 2, 3, 6, 2, 2};
    const unsigned parameter = data[0] & 0x7f;
    if (parameter >= sizeof sizes)
        return COMPLETION_UNKNOWN_PARAMETER;
    if (size < sizes[parameter])
        return COMPLETION_TOO_SHORT;
    switch (parameter) {
    case 0:
        if ((data[1] & 3) == 1 && chassis.set_in_progress == 1)
            return COMPLETION_SET_IN_PROGRESS;
        chassis.set_in_progress = data[1] & 3;
        return COMPLETION_OK;
    case 3:
        if (lies_about("no-parameter-3"))
            return COMPLETION_UNKNOWN_PARAMETER;
        chassis.valid_bit_clearing = data[1] & 0x1f;
        return COMPLETION_OK;
    case 4:
        chassis.acknowledge[0] = data[1];
        chassis.acknowledge[1] =
            (unsigned char)((chassis.acknowledge[1] & ~data[1]) | (data[2] & data[1]));
        return COMPLETION_OK;
    case 5:
        return boot_flags_set(data + 1);
    default:
        return COMPLETION_OK;
    }
}

HANDLER(set_boot_option)
{
    UNUSED_ARGUMENTS;
    completion(answer, size,
               request->len ? boot_option_set(request->data, request->len) : COMPLETION_TOO_SHORT);
}

HANDLER(get_boot_option)
{
    UNUSED_ARGUMENTS;
    if (request->len < 3) {
        completion(answer, size, COMPLETION_TOO_SHORT);
        return;
    }
    const unsigned char parameter = request->data[0] & 0x7f;
    unsigned char option[8] = {COMPLETION_OK, 1, parameter};
    unsigned int length = 4;
    if (parameter == 0) {
        option[3] = chassis.set_in_progress;
    } else if (parameter == 3 && !lies_about("no-parameter-3")) {
        option[3] = chassis.valid_bit_clearing;
    } else if (parameter == 4) {
        memcpy(option + 3, chassis.acknowledge, 2);
        length = 5;
    } else if (parameter == 5) {
        flags_read(option + 3);
        length = 8;
    } else {
        completion(answer, size, COMPLETION_UNKNOWN_PARAMETER);
        return;
    }
    answer_with(answer, size, option, length);
}

/* Called by ipmi_sim, by these names. */
int ipmi_sim_module_print_version(sys_data_t *sys, char *options);
int ipmi_sim_module_init(sys_data_t *sys, char *options);

int ipmi_sim_module_print_version(sys_data_t *sys, char *options)
{
    (void)sys, (void)options;
    puts("ipmi_sim_chassis");
    return 0;
}

int ipmi_sim_module_init(sys_data_t *sys, char *options)
{
    enum { NETFN_CHASSIS = 0 };
    static const struct {
        unsigned char command;
        cmd_handler_f handler;
    } rows[] = {
        {0x00, get_capabilities}, {0x01, get_status},      {0x02, control},
        {0x04, identify},         {0x06, set_policy},      {0x07, get_restart_cause},
        {0x08, set_boot_option},  {0x09, get_boot_option},
    };
    (void)sys;
    if (!options || sscanf(options, "%511s %511s", directory, hook) != 2)
        return 1;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        if (ipmi_emu_register_cmd_handler(NETFN_CHASSIS, rows[i].command, rows[i].handler, NULL))
            return 1;
    return 0;
}
