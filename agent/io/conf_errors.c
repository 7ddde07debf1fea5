#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"

enum { SHOWN_MAX = 120 }; /* bytes of a source line */

bool conf_errors_full(const struct conf *c)
{
    return c->nerrors >= CONF_ERRORS_MAX;
}

static void append(struct conf *c, const char *text, size_t size)
{
    if (c->text_size + size + 1 > c->text_room) {
        size_t room = 2 * c->text_room + size + 1024;
        char *bigger = realloc(c->text, room);
        if (!bigger)
            return;
        c->text = bigger;
        c->text_room = room;
    }
    memcpy(c->text + c->text_size, text, size);
    c->text_size += size;
    c->text[c->text_size] = '\0';
}

static const char *find_line(const struct conf_file *file, uint32_t line)
{
    const char *at = file->text, *end = file->text + file->size;
    for (uint32_t n = 1; n < line && at; n++) {
        at = memchr(at, '\n', (size_t)(end - at));
        at = at ? at + 1 : NULL;
    }
    return at && at < end ? at : NULL;
}

/* Somebody may have written a password into the file, where it does not belong; it shall not go
 * on from there into logs and tickets. Nothing behind that key is shown. */
static size_t without_password(const char *line, size_t size)
{
    static const char word[] = "pass";
    for (size_t i = 0; i + sizeof word - 1 <= size; i++) {
        if (strncasecmp(line + i, word, sizeof word - 1) != 0)
            continue;
        size_t colon = i;
        while (colon < size && line[colon] != ':')
            colon++;
        bool file = colon - i > 5 && !strncmp(line + colon - 5, "_file", 5);
        if (!file && colon < size)
            return colon + 1;
    }
    return size;
}

/* The line as it stands in the file and a caret under the column; long lines are cut at both
 * ends. Columns are characters, as editors count: UTF-8 continuation bytes take no place. */
static void append_source(struct conf *c, const struct conf_file *file, uint32_t line,
                          uint32_t column)
{
    const char *text = find_line(file, line);
    if (!text)
        return;
    size_t size = strcspn(text, "\r\n"), at = 0, start = 0;
    for (uint32_t n = 1; n < column && at < size; n++)
        do
            at++;
        while (at < size && ((unsigned char)text[at] & 0xc0) == 0x80);
    size = without_password(text, size);
    if (at > size)
        at = size;
    if (size > SHOWN_MAX && at > SHOWN_MAX / 2)
        for (start = at - SHOWN_MAX / 2; start < at && ((unsigned char)text[start] & 0xc0) == 0x80;)
            start++;
    char shown[2 * SHOWN_MAX + 32];
    size_t used = 0;
    for (size_t i = start; i < size && i - start < SHOWN_MAX; i++)
        shown[used++] = (unsigned char)text[i] < ' ' || text[i] == 0x7f ? ' ' : text[i];
    shown[used++] = '\n';
    for (size_t i = start; i < at; i++)
        if (((unsigned char)text[i] & 0xc0) != 0x80)
            shown[used++] = ' ';
    shown[used++] = '^';
    shown[used++] = '\n';
    append(c, shown, used);
}

static void report(struct conf *c, const struct conf_file *file, uint32_t line, uint32_t column,
                   const char *format, va_list args) __attribute__((format(printf, 5, 0)));
static void report(struct conf *c, const struct conf_file *file, uint32_t line, uint32_t column,
                   const char *format, va_list args)
{
    if (c->nerrors++ >= CONF_ERRORS_MAX)
        return;
    const char *kind = c->warning ? "warning" : "error";
    char head[CONF_PATH_SIZE + 64];
    struct err err;
    _cleanup_(freep) char *what = NULL;
    if (vasprintf(&what, format, args) < 0)
        return;
    if (line)
        (void)snprintf(head, sizeof head, "%s:%u:%u: %s: ", file->name, line, column, kind);
    else
        (void)snprintf(head, sizeof head, "%s: %s: ", file->name, kind);
    (void)err_set(&err, ERR_CONFIG, "%s", what); /* makes it printable, and short */
    append(c, head, strlen(head));
    append(c, err.text, strlen(err.text));
    append(c, "\n", 1);
    if (line)
        append_source(c, file, line, column);
}

void conf_error(struct conf *c, const struct yaml *at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(c, at->file, at->line, at->column, format, args);
    va_end(args);
}

void conf_error_in(struct conf *c, const struct yaml *at, size_t column, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool exact = at->text_column && column;
    report(c, at->file, at->line, exact ? at->text_column + (uint32_t)column - 1 : at->column,
           format, args);
    va_end(args);
}

void conf_error_at(struct conf *c, const struct conf_file *file, uint32_t line, uint32_t column,
                   const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(c, file, line, column, format, args);
    va_end(args);
}

void conf_error_err(struct conf *c, const struct yaml *at, const struct err *err)
{
    const char *rest;
    size_t column = nodeset_error_column(err->text, &rest);
    conf_error_in(c, at, column, "%s", rest);
}

void conf_no_memory(struct conf *c)
{
    static const char text[] = "error: no memory for the configuration\n";
    c->nerrors++;
    append(c, text, sizeof text - 1);
}
