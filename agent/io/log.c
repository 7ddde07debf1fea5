#include "agent/io/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/io/clock.h"

static struct {
    int fd;
    bool prefix;
    enum log_level threshold;
    struct log_site *dropping;
} out = {.fd = STDERR_FILENO, .threshold = LOG_LEVEL_INFO};

static const struct {
    const char *word;
    int syslog; /* priority of syslog(3), which systemd reads from "<N>" */
} levels[] = {
    [LOG_LEVEL_ERROR] = {"error", 3},
    [LOG_LEVEL_WARNING] = {"warning", 4},
    [LOG_LEVEL_INFO] = {"info", 6},
    [LOG_LEVEL_DEBUG] = {"debug", 7},
};

void log_open(int fd, bool prefix, enum log_level threshold)
{
    out.fd = fd;
    out.prefix = prefix;
    out.threshold = threshold;
}

void log_open_stderr(enum log_level threshold)
{
    const char *stream = getenv("JOURNAL_STREAM");
    log_open(STDERR_FILENO, stream && *stream, threshold);
}

uint64_t log_now_ms(void)
{
    return clock_now_ms();
}

/* Cuts at the end of `line` rather than in the middle of an escape. */
static size_t escape(const char *text, char *line, size_t size)
{
    size_t length = 0;
    for (const unsigned char *p = (const unsigned char *)text; *p && length + 5 < size; p++)
        if (*p >= ' ' && *p < 0x7f)
            line[length++] = (char)*p;
        else
            length += (size_t)snprintf(line + length, 5, "\\x%02x", *p);
    line[length] = '\0';
    return length;
}

static void put_line(enum log_level level, const char *text)
{
    char line[LOG_LINE_SIZE];
    int start;
    if (out.prefix) {
        start = snprintf(line, sizeof line, "<%d>", levels[level].syslog);
    } else {
        char when[CLOCK_TEXT_SIZE];
        clock_format(clock_unix_ms(), when);
        start = snprintf(line, sizeof line, "%s %s ", when, levels[level].word);
    }
    size_t length = (size_t)start;
    length += escape(text, line + length, sizeof line - length - 1);
    line[length++] = '\n';
    while (write(out.fd, line, length) < 0 && errno == EINTR)
        ; /* a log nobody takes must not stop the agent: other errors are let go */
}

static void tell_dropped(struct log_site *site)
{
    char text[128];
    (void)snprintf(text, sizeof text, "log=suppressed lines=%u at=%s:%d", site->dropped, site->file,
                   site->line);
    site->dropped = 0;
    put_line(LOG_LEVEL_WARNING, text);
}

void log_tick(uint64_t now_ms)
{
    for (struct log_site **at = &out.dropping; *at;) {
        struct log_site *site = *at;
        if (now_ms - site->window_ms < LOG_WINDOW_MS) {
            at = &site->next;
            continue;
        }
        *at = site->next;
        tell_dropped(site);
    }
}

static bool site_may_write(struct log_site *site, uint64_t now_ms)
{
    if (site->written == 0 || now_ms - site->window_ms >= LOG_WINDOW_MS) {
        log_tick(now_ms);
        site->window_ms = now_ms;
        site->written = 0;
    }
    if (site->written < LOG_BURST) {
        site->written++;
        return true;
    }
    if (site->dropped++ == 0) {
        site->next = out.dropping;
        out.dropping = site;
    }
    return false;
}

void log_write(struct log_site *site, enum log_level level, uint64_t now_ms, const char *format,
               ...)
{
    if (level > out.threshold || (level != LOG_LEVEL_ERROR && !site_may_write(site, now_ms)))
        return;
    char text[LOG_LINE_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_line(level, text);
}
