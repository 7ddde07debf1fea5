#include "proto/json_text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/api_fields.h"
#include "proto/cleanup.h"

static void put(struct json_text *text, const char *bytes, size_t size)
{
    if (text->failed)
        return;
    if (text->size + size >= text->room) { /* there is always room for a NUL */
        size_t room = 2 * (text->size + size) + 256;
        char *more = realloc(text->bytes, room);
        if (!more) {
            text->failed = true;
            return;
        }
        text->bytes = more;
        text->room = room;
    }
    memcpy(text->bytes + text->size, bytes, size);
    text->size += size;
}

/* A value follows: behind another one a comma is due. */
static void separate(struct json_text *text)
{
    char last = text->size ? text->bytes[text->size - 1] : '[';
    if (last != '[' && last != '{' && last != ':')
        put(text, ",", 1);
}

void json_open(struct json_text *text, char bracket)
{
    separate(text);
    put(text, &bracket, 1);
}

void json_close(struct json_text *text, char bracket)
{
    put(text, &bracket, 1);
}

void json_put_newline(struct json_text *text)
{
    put(text, "\n", 1);
}

void json_put_key(struct json_text *text, const char *key)
{
    separate(text);
    put(text, "\"", 1);
    put(text, key, strlen(key));
    put(text, "\":", 2);
}

void json_put_bool(struct json_text *text, bool value)
{
    separate(text);
    put(text, value ? "true" : "false", value ? 4 : 5);
}

void json_put_integer(struct json_text *text, int64_t value)
{
    char digits[24];
    int length = snprintf(digits, sizeof digits, "%" PRId64, value);
    separate(text);
    put(text, digits, (size_t)length);
}

/* The value as jansson prints it, for what is too rare to be written here a second time. */
static void put_by_jansson(struct json_text *text, json_t *value)
{
    _cleanup_(freep) char *line =
        value ? json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(value);
    if (line)
        put(text, line, strlen(line));
    else
        text->failed = true;
}

/* Digits of milliseconds are exact; jansson's way through a double is, up to 15 digits. */
void json_put_seconds(struct json_text *text, uint64_t ms)
{
    static const uint64_t EXACT_MS = 1000000000000000;
    char digits[32];
    separate(text);
    if (ms >= EXACT_MS) {
        put_by_jansson(text, json_real((double)ms / 1000));
        return;
    }
    int length =
        snprintf(digits, sizeof digits, "%" PRIu64 ".%03u", ms / 1000, (unsigned)(ms % 1000));
    while (digits[length - 1] == '0' && digits[length - 2] != '.')
        length--;
    put(text, digits, (size_t)length);
}

static bool is_plain(unsigned char c)
{
    return c >= ' ' && c < 0x80 && c != '"' && c != '\\';
}

void json_put_string(struct json_text *text, const char *value)
{
    size_t length = 0;
    while (is_plain((unsigned char)value[length]))
        length++;
    separate(text);
    if (value[length]) {
        put_by_jansson(text, text_to_json(value));
        return;
    }
    put(text, "\"", 1);
    put(text, value, length);
    put(text, "\"", 1);
}

char *json_text_take(struct json_text *text)
{
    char *bytes = text->bytes;
    if (text->failed || !bytes) {
        free(bytes);
        bytes = NULL;
    } else {
        bytes[text->size] = '\0';
    }
    *text = (struct json_text){0};
    return bytes;
}
