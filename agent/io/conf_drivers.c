/* Asks driver programs for their options, and what they say to devices. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "agent/io/clock.h"
#include "agent/io/conf.h"
#include "proto/cleanup.h"
#include "proto/spelling.h"

enum {
    PATIENCE_MS = 5000,
    DESCRIPTION_SIZE = 65536,
    DRIVERS_MAX = 32,
    PROGRAM_SIZE = CONF_PATH_SIZE + NAME_SIZE + 32
};

struct cache {
    struct conf_drivers drivers; /* what the caller has */
    size_t count;
    struct option_schema *schemas[DRIVERS_MAX];
};

/* `program` is not there: which one was meant, and where to say where they are. */
static int cannot_run(const char *program, int error, struct err *err)
{
    static const char prefix[] = "powerctl-driver-";
    const char *slash = strrchr(program, '/');
    const char *name = strstr(slash ? slash : program, prefix);
    char pattern[CONF_PATH_SIZE + NAME_SIZE + 32], meant[NAME_SIZE + 24] = "";
    glob_t found = {0};
    if (!slash || !name)
        return err_set(err, ERR_CONFIG, "cannot run %s: %s", program, strerror(error));
    struct spelling spelling = spelling_of(name + sizeof prefix - 1);
    (void)snprintf(pattern, sizeof pattern, "%.*s/%s*", (int)(slash - program), program, prefix);
    if (!glob(pattern, GLOB_NOSORT, NULL, &found))
        for (size_t i = 0; i < found.gl_pathc; i++)
            spelling_consider(&spelling, found.gl_pathv[i] + (name - program) + sizeof prefix - 1);
    if (spelling.nearest)
        (void)snprintf(meant, sizeof meant, "; did you mean '%.*s'?", NAME_SIZE - 1,
                       spelling.nearest);
    globfree(&found);
    return err_set(err, ERR_CONFIG,
                   "cannot run %s: %s%s (agent.driver_dir or --driver-dir says where drivers are)",
                   program, strerror(error), meant);
}

/* One question: an argument, and what the program reads. */
struct question {
    const char *word; /* "--describe" */
    int input;        /* descriptor; -1: nothing */
};

static int start(const char *program, const struct question *question, int output, pid_t *child,
                 struct err *err)
{
    char *const argv[] = {(char *)program, (char *)question->word, NULL};
    char *const environment[] = {(char *)"PATH=/usr/bin:/bin", NULL};
    posix_spawn_file_actions_t actions;
    if (posix_spawn_file_actions_init(&actions))
        return err_set(err, ERR_SYSTEM, "cannot start %s: no memory", program);
    int rc = question->input < 0
                 ? posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
                 : posix_spawn_file_actions_adddup2(&actions, question->input, 0);
    if (!rc)
        rc = posix_spawn_file_actions_adddup2(&actions, output, 1);
    if (!rc)
        rc = posix_spawn(child, program, &actions, NULL, argv, environment);
    (void)posix_spawn_file_actions_destroy(&actions);
    return rc ? cannot_run(program, rc, err) : 0;
}

/* What the program says until it closes its output. */
static int listen_to(int fd, const char *program, const char *word, uint64_t deadline,
                     char text[DESCRIPTION_SIZE], struct err *err)
{
    size_t size = 0;
    for (;;) {
        struct pollfd ready = {.fd = fd, .events = POLLIN};
        uint64_t now = clock_now_ms();
        if (now >= deadline)
            return err_set(err, ERR_TIMEOUT, "%s %s is not done after %d s", program, word,
                           PATIENCE_MS / 1000);
        if (poll(&ready, 1, (int)(deadline - now)) <= 0)
            continue;
        ssize_t got = read(fd, text + size, DESCRIPTION_SIZE - 1 - size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return err_set(err, ERR_SYSTEM, "cannot read from %s: %s", program, strerror(errno));
        if (!got)
            break;
        size += (size_t)got;
        if (size == DESCRIPTION_SIZE - 1)
            return err_set(err, ERR_PROTOCOL, "%s %s says more than %d bytes", program, word,
                           DESCRIPTION_SIZE - 1);
    }
    text[size] = '\0';
    return 0;
}

/* A program that closed its output may still hang: it is killed at the deadline, too. */
static int wait_for(pid_t child, const char *program, const char *word, uint64_t deadline,
                    struct err *err)
{
    int status;
    _cleanup_(closep) int fd = pidfd_open(child, 0);
    uint64_t now = clock_now_ms();
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    while (fd >= 0 && now < deadline && poll(&ended, 1, (int)(deadline - now)) < 0 &&
           errno == EINTR)
        now = clock_now_ms();
    bool late = !ended.revents;
    if (late)
        (void)kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return err_set(err, ERR_SYSTEM, "%s: %s", program, strerror(errno));
    if (late)
        return err_set(err, ERR_TIMEOUT, "%s %s does not end", program, word);
    if (WIFEXITED(status) && !WEXITSTATUS(status))
        return 0;
    if (WIFSIGNALED(status))
        return err_set(err, ERR_CONFIG, "%s %s died of signal %d", program, word, WTERMSIG(status));
    return err_set(err, ERR_CONFIG, "%s %s failed with exit status %d", program, word,
                   WEXITSTATUS(status));
}

static int ask(const char *program, const struct question *question, char text[DESCRIPTION_SIZE],
               struct err *err)
{
    int ends[2];
    pid_t child;
    if (pipe2(ends, O_CLOEXEC))
        return err_set(err, ERR_SYSTEM, "cannot start %s: %s", program, strerror(errno));
    _cleanup_(closep) int from = ends[0];
    int rc = start(program, question, ends[1], &child, err);
    (void)close(ends[1]);
    if (rc)
        return rc;
    uint64_t deadline = clock_now_ms() + PATIENCE_MS;
    rc = listen_to(from, program, question->word, deadline, text, err);
    if (wait_for(child, program, question->word, rc ? 0 : deadline, rc ? NULL : err))
        rc = -1;
    return rc;
}

static void name_program(char program[PROGRAM_SIZE], const char *driver_dir, const char *driver)
{
    (void)snprintf(program, PROGRAM_SIZE, "%s/powerctl-driver-%s", driver_dir, driver);
}

static const struct option_schema *schema(void *arg, const char *driver_dir, const char *driver,
                                          struct err *err)
{
    struct cache *cache = arg;
    char program[PROGRAM_SIZE];
    struct option_schema *found = NULL;
    for (size_t i = 0; i < cache->count; i++)
        if (!strcmp(cache->schemas[i]->driver, driver))
            return cache->schemas[i];
    _cleanup_(freep) char *text = malloc(DESCRIPTION_SIZE);
    if (!text || cache->count == DRIVERS_MAX) {
        (void)err_set(err, ERR_LIMIT, "more than %d drivers, or no memory", DRIVERS_MAX);
        return NULL;
    }
    name_program(program, driver_dir, driver);
    const struct question question = {"--describe", -1};
    if (ask(program, &question, text, err) || option_schema_decode(text, &found, err))
        return NULL;
    if (strcmp(found->driver, driver) != 0) {
        (void)err_set(err, ERR_CONFIG, "%s describes itself as driver '%s'", program,
                      found->driver);
        option_schema_free(found);
        return NULL;
    }
    cache->schemas[cache->count++] = found;
    return found;
}

/* A descriptor to read the text from. -1: *err says why. */
static int text_input(const char *text, struct err *err)
{
    int fd = memfd_create("devices", MFD_CLOEXEC);
    size_t size = strlen(text), done = 0;
    while (fd >= 0 && done < size) {
        ssize_t put = write(fd, text + done, size - done);
        if (put < 0 && errno != EINTR)
            break;
        done += put > 0 ? (size_t)put : 0;
    }
    if (fd >= 0 && done == size && lseek(fd, 0, SEEK_SET) == 0)
        return fd;
    (void)err_set(err, ERR_SYSTEM, "no room to hand devices to a driver: %s", strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

static int check(void *arg, const char *driver_dir, const char *driver, const char *devices,
                 char **answers, struct err *err)
{
    char program[PROGRAM_SIZE];
    _cleanup_(freep) char *text = malloc(DESCRIPTION_SIZE);
    _cleanup_(closep) int input = text_input(devices, err);
    (void)arg;
    if (input < 0)
        return -1;
    if (!text)
        return err_set(err, ERR_SYSTEM, "no memory for what driver '%s' says", driver);
    name_program(program, driver_dir, driver);
    const struct question question = {"--check", input};
    if (ask(program, &question, text, err))
        return -1;
    *answers = TAKE(text);
    return 0;
}

struct conf_drivers *conf_drivers_new(void)
{
    struct cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return NULL;
    cache->drivers = (struct conf_drivers){.schema = schema, .check = check, .arg = cache};
    return &cache->drivers;
}

void conf_drivers_free(struct conf_drivers *drivers)
{
    if (!drivers)
        return;
    struct cache *cache = drivers->arg;
    for (size_t i = 0; i < cache->count; i++)
        option_schema_free(cache->schemas[i]);
    free(cache);
}
