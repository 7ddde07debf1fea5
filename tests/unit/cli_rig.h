/* cli_rig.h - the whole of powerctl against an agent made of canned answers. */
#ifndef POWERCTL_TEST_CLI_RIG_H
#define POWERCTL_TEST_CLI_RIG_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/cli/command.h"
#include "proto/cleanup.h"

/* One canned answer.  `times`: after so many, the next row that fits is taken; 0: for ever. */
struct row {
    const char *request; /* how the request begins */
    const char *answer;
    const char *needs; /* what the request must hold, NULL: anything */
    int times;
    bool interrupt; /* Ctrl-C for the caller after the answer, and the stream stays open */
    bool hold;      /* the stream stays open */
};

#define JSON_ANSWER(status, body)                                                                  \
    "HTTP/1.1 " status "\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n" body
#define STREAM(events)                                                                             \
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n" events
#define EVENT_LINE(id, json) "id: " id "\ndata: " json "\n\n"
#define JOB(verb, done, nodes)                                                                     \
    "{\"id\":\"J1-1\",\"verb\":\"" verb "\",\"done\":" done ",\"elapsed_s\":1.5,\"nodes\":[" nodes \
    "]}"
#define NODE(name, outcome, more)                                                                  \
    "{\"node\":\"" name "\",\"outcome\":\"" outcome "\",\"power\":\"on\",\"stage\":\"NONE\"" more  \
    "}"
#define ACCEPTED                                                                                   \
    {                                                                                              \
        .request = "POST /v1/jobs ",                                                               \
        .answer = JSON_ANSWER("202 Accepted", JOB("on", "false", "")),                             \
    }
#define ENDED                                                                                      \
    EVENT_LINE("9", "{\"sequence\":9,\"kind\":\"job-ended\",\"verb\":\"on\",\"job\":\"J1-1\"}")
#define EVENTS(stream)                                                                             \
    {                                                                                              \
        .request = "GET /v1/jobs/J1-1/events ", .answer = STREAM(stream)                           \
    }
#define RESULT(verb, nodes)                                                                        \
    {                                                                                              \
        .request = "GET /v1/jobs/J1-1 ", .answer = JSON_ANSWER("200 OK", JOB(verb, "true", nodes)) \
    }
#define RUNNING(nodes)                                                                             \
    {                                                                                              \
        .request = "GET /v1/jobs/J1-1 ",                                                           \
        .answer = JSON_ANSWER("200 OK", JOB("on", "false", nodes)), .times = 1                     \
    }

struct agent {
    char directory[64], socket[96];
    pid_t pid;
};

static size_t read_request(int fd, char *request, size_t size)
{
    size_t have = 0;
    const char *end = NULL;
    size_t body = 0;
    while (have + 1 < size) {
        ssize_t got = read(fd, request + have, size - 1 - have);
        if (got <= 0)
            break;
        have += (size_t)got;
        request[have] = '\0';
        end = strstr(request, "\r\n\r\n");
        const char *length = strcasestr(request, "\r\ncontent-length:");
        body = length ? strtoul(length + 17, NULL, 10) : 0;
        if (end && have >= (size_t)(end - request) + 4 + body)
            break;
    }
    return have;
}

static void interrupt_caller(int fd)
{
    struct ucred peer = {0};
    socklen_t size = sizeof peer;
    if (!getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) && peer.pid > 0)
        (void)kill(peer.pid, SIGINT);
}

static void serve(int listener, const struct row *rows, size_t count, int *used)
{
    char request[8192];
    int fd = accept(listener, NULL, NULL);
    if (fd < 0 || !read_request(fd, request, sizeof request))
        _exit(1);
    const char *answer = JSON_ANSWER("500 Not scripted", "");
    const struct row *row = NULL;
    for (size_t i = 0; i < count && !row; i++) {
        if (strncmp(request, rows[i].request, strlen(rows[i].request)) != 0 ||
            (rows[i].times && used[i] == rows[i].times))
            continue;
        used[i]++;
        row = &rows[i];
        if (!row->needs || strstr(request, row->needs))
            answer = row->answer;
    }
    if (write(fd, answer, strlen(answer)) < 0)
        _exit(1);
    if (row && row->interrupt)
        interrupt_caller(fd);
    if (!row || (!row->hold && !row->interrupt))
        (void)close(fd);
}

static void agent_start(struct agent *agent, const struct row *rows, size_t count)
{
    (void)snprintf(agent->directory, sizeof agent->directory, "/tmp/test_cli.XXXXXX");
    assert_non_null(mkdtemp(agent->directory));
    (void)snprintf(agent->socket, sizeof agent->socket, "%s/sock", agent->directory);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s", agent->socket);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 16), 0);
    (void)fflush(NULL);
    agent->pid = fork();
    if (!agent->pid) {
        int used[16] = {0};
        for (;;)
            serve(listener, rows, count, used);
    }
    (void)close(listener);
}

static void agent_stop(struct agent *agent)
{
    (void)kill(agent->pid, SIGKILL);
    (void)waitpid(agent->pid, NULL, 0);
    (void)unlink(agent->socket);
    (void)rmdir(agent->directory);
}

struct said {
    int code;
    char out[8192], err[8192];
};

static void slurp(FILE *file, char *text, size_t size)
{
    rewind(file);
    text[fread(text, 1, size - 1, file)] = '\0';
    (void)fclose(file);
}

/* Runs powerctl with words up to a NULL in a process of its own. */
static struct said run(const char *socket, const char *input, const char *const *words)
{
    struct said said = {0};
    FILE *in = tmpfile(), *out = tmpfile(), *err = tmpfile();
    (void)fputs(input, in);
    rewind(in);
    (void)fflush(NULL);
    pid_t pid = fork();
    if (!pid) {
        char *argv[16];
        int argc = 0;
        while (words[argc]) {
            argv[argc] = strdup(words[argc]);
            argc++;
        }
        argv[argc] = NULL;
        (void)setenv("POWERCTL_SOCKET", socket, 1);
        (void)setenv("TZ", "UTC", 1);
        int code = cli_run(argc, argv, in, out, err);
        (void)fflush(out);
        (void)fflush(err);
        _exit(code);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    said.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    (void)fclose(in);
    slurp(out, said.out, sizeof said.out);
    slurp(err, said.err, sizeof said.err);
    return said;
}

static struct said against(const struct row *rows, size_t count, const char *input,
                           const char *const *words)
{
    struct agent agent;
    agent_start(&agent, rows, count);
    struct said said = run(agent.socket, input, words);
    agent_stop(&agent);
    return said;
}

#define WORDS(...)         ((const char *const[]){__VA_ARGS__, NULL})
#define AGAINST(rows, ...) against(rows, ARRAY_SIZE(rows), "", WORDS(__VA_ARGS__))

static void assert_says(const char *text, const char *expected)
{
    if (!strstr(text, expected))
        fail_msg("'%s' is not in:\n%s", expected, text);
}

#endif
