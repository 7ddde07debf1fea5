#include "agent/client/sse.h"

#include <stdlib.h>
#include <string.h>

int sse_init(struct sse_parser *parser, struct err *err)
{
    *parser = (struct sse_parser){0};
    parser->line = malloc(SSE_MAX + 1);
    parser->data = malloc(SSE_MAX + 1);
    if (parser->line && parser->data)
        return 0;
    sse_clear(parser);
    return err_set(err, ERR_SYSTEM, "out of memory");
}

void sse_clear(struct sse_parser *parser)
{
    free(parser->line);
    free(parser->data);
    *parser = (struct sse_parser){0};
}

static void message_begin(struct sse_parser *parser)
{
    parser->event[0] = '\0';
    parser->data_size = 0;
    parser->has_data = false;
}

void sse_restart(struct sse_parser *parser)
{
    message_begin(parser);
    memcpy(parser->next_id, parser->id, sizeof parser->id);
    parser->line_size = 0;
    parser->after_cr = parser->started = false;
}

/* A name that does not fit is dropped whole: half an id would be a wrong id. */
static void set_name(char name[SSE_NAME_SIZE], const char *value)
{
    size_t size = strlen(value);
    if (size < SSE_NAME_SIZE)
        memcpy(name, value, size + 1);
}

static int add_data(struct sse_parser *parser, const char *value, struct err *err)
{
    size_t size = strlen(value);
    if (parser->data_size + size + 1 > SSE_MAX)
        return err_set(err, ERR_LIMIT, "an event of more than %d bytes came", SSE_MAX);
    if (parser->has_data)
        parser->data[parser->data_size++] = '\n';
    memcpy(parser->data + parser->data_size, value, size);
    parser->data_size += size;
    parser->has_data = true;
    return 0;
}

static void deliver_message(struct sse_parser *parser, sse_message_fn *deliver, void *arg)
{
    memcpy(parser->id, parser->next_id, sizeof parser->id);
    if (parser->has_data) {
        parser->data[parser->data_size] = '\0';
        const struct sse_message message = {
            .event = parser->event[0] ? parser->event : "message",
            .data = parser->data,
            .id = parser->id,
        };
        deliver(arg, &message);
    }
    message_begin(parser);
}

/* "field: value", "field:value", "field", or ": comment" (the field's name is then empty). */
static int take_line(struct sse_parser *parser, sse_message_fn *deliver, void *arg, struct err *err)
{
    char *line = parser->line;
    line[parser->line_size] = '\0';
    /* The byte order mark a stream may begin with. */
    if (!parser->started && !strncmp(line, "\xef\xbb\xbf", 3))
        line += 3;
    parser->started = true;
    parser->line_size = 0;
    if (!*line) {
        deliver_message(parser, deliver, arg);
        return 0;
    }
    char *colon = strchr(line, ':');
    const char *value = "";
    if (colon) {
        *colon = '\0';
        value = colon[1] == ' ' ? colon + 2 : colon + 1;
    }
    if (!strcmp(line, "data"))
        return add_data(parser, value, err);
    if (!strcmp(line, "event"))
        set_name(parser->event, value);
    if (!strcmp(line, "id"))
        set_name(parser->next_id, value);
    return 0;
}

int sse_feed(struct sse_parser *parser, const char *bytes, size_t size, sse_message_fn *deliver,
             void *arg, struct err *err)
{
    for (size_t i = 0; i < size; i++) {
        char byte = bytes[i];
        bool second_of_crlf = byte == '\n' && parser->after_cr;
        parser->after_cr = byte == '\r';
        if (second_of_crlf)
            continue;
        if (byte == '\n' || byte == '\r') {
            if (take_line(parser, deliver, arg, err))
                return -1;
            continue;
        }
        if (parser->line_size == SSE_MAX)
            return err_set(err, ERR_LIMIT, "a line of more than %d bytes came", SSE_MAX);
        /* A NUL would end the line early and hide the rest of it. */
        parser->line[parser->line_size++] = byte ? byte : '?';
    }
    return 0;
}
