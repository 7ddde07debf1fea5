/* measure OUTPUT COMMAND...: what a command costs, from start to the exit of all it started.
 *
 * Its stdout is read as it comes and kept in OUTPUT, each line after the seconds since the start;
 * stdin, stderr and other descriptors are passed on.  Prints one JSON object:
 *
 *     wall_s     start to exit of the last process, and the end of its output
 *     cpu_s      user and system time of all processes
 *     peak_kb    resident memory of the largest of them
 *     exit       the command's exit code
 *
 * A small program of its own, since a child's peak starts at that of the process that forked it. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 65536 };

static double clock_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int complain(const char *what)
{
    fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
    return 2;
}

/* Lines get the time of the read that began them; no output of a bench waits half a line long. */
static void keep(FILE *out, const char *bytes, size_t size, double at_s, bool *in_line)
{
    while (size) {
        const char *end = memchr(bytes, '\n', size);
        const size_t length = end ? (size_t)(end - bytes) + 1 : size;
        if (!*in_line)
            fprintf(out, "%.6f ", at_s);
        (void)fwrite(bytes, 1, length, out);
        *in_line = !end;
        bytes += length;
        size -= length;
    }
}

static void drain(int fd, FILE *out, double started_s)
{
    static char bytes[CHUNK];
    bool in_line = false;
    ssize_t size;
    while ((size = read(fd, bytes, sizeof bytes)) > 0 || (size < 0 && errno == EINTR))
        if (size > 0)
            keep(out, bytes, (size_t)size, clock_s() - started_s, &in_line);
}

static _Noreturn void run(char **command, const int ends[2])
{
    (void)dup2(ends[1], STDOUT_FILENO);
    (void)close(ends[0]);
    (void)close(ends[1]);
    (void)execvp(command[0], command);
    _exit(complain(command[0]) + 125);
}

/* Orphans come to us (subreaper), and count. */
static int wait_for_all(pid_t command)
{
    int status, code = 127;
    for (pid_t pid; (pid = wait(&status)) > 0 || errno == EINTR;)
        if (pid == command)
            code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return code;
}

static double seconds(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

int main(int argc, char **argv)
{
    int ends[2];
    if (argc < 3) {
        fputs("usage: measure OUTPUT COMMAND...\n", stderr);
        return 2;
    }
    FILE *out = fopen(argv[1], "we");
    if (!out)
        return complain(argv[1]);
    if (pipe(ends) || prctl(PR_SET_CHILD_SUBREAPER, 1))
        return complain("cannot start");
    const double started_s = clock_s();
    const pid_t pid = fork();
    if (pid < 0)
        return complain("fork");
    if (pid == 0)
        run(argv + 2, ends);
    (void)close(ends[1]);
    drain(ends[0], out, started_s);
    const int code = wait_for_all(pid);
    const double wall_s = clock_s() - started_s;
    struct rusage usage;
    (void)getrusage(RUSAGE_CHILDREN, &usage);
    printf("{\"wall_s\":%.6f,\"cpu_s\":%.6f,\"peak_kb\":%ld,\"exit\":%d}\n", wall_s,
           seconds(usage.ru_utime) + seconds(usage.ru_stime), usage.ru_maxrss, code);
    return fclose(out) ? complain(argv[1]) : 0;
}
