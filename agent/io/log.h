/* log.h - one line a fact, for people and for grep:
 *
 *     log_info("node=%s boot=%s->%s after=%.1fs", name, from, to, seconds);
 *
 * Lines go to stderr in one write(): with systemd's "<6>" before it if $JOURNAL_STREAM is
 * set, otherwise with the time.  Every byte that is not printable ASCII becomes \xNN, so that
 * nothing a peer sends can forge a line or move a cursor.  A line is at most LOG_LINE_SIZE.
 *
 * Each place in the source may write LOG_BURST lines in LOG_WINDOW_MS; what is above that is
 * dropped and counted, and the count is logged when the window ends (log_tick()).  Errors are
 * never dropped.  Never log a secret: struct secret does not print. */
#ifndef POWERCTL_LOG_H
#define POWERCTL_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

enum { LOG_LINE_SIZE = 2048, LOG_BURST = 1000, LOG_WINDOW_MS = 10000 };

struct log_site { /* one place in the source; private to log.c */
    const char *file;
    int line;
    uint64_t window_ms;
    uint32_t written, dropped;
    struct log_site *next; /* among those that dropped something */
};

/* Where and how much. `fd` is borrowed; `prefix`: "<6>" instead of the time. */
void log_open(int fd, bool prefix, enum log_level threshold);
void log_open_stderr(enum log_level threshold);

/* Tells what was dropped in windows that ended. To be called every few seconds. */
void log_tick(uint64_t now_ms);

void log_write(struct log_site *site, enum log_level level, uint64_t now_ms, const char *format,
               ...) __attribute__((format(printf, 4, 5)));
uint64_t log_now_ms(void);

#define LOG_AT(level, ...)                                                                         \
    do {                                                                                           \
        static struct log_site site_ = {.file = __FILE__, .line = __LINE__};                       \
        log_write(&site_, (level), log_now_ms(), __VA_ARGS__);                                     \
    } while (0)
#define log_error(...)   LOG_AT(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warning(...) LOG_AT(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_info(...)    LOG_AT(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...)   LOG_AT(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
