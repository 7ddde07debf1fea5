/* json_text.h - JSON written straight into text, one value after the other.  What comes out is
 * byte for byte what jansson's compact dump of the same values is, without a tree in between: a
 * list of 10,000 nodes is one buffer instead of 150,000 small allocations, and takes a tenth of
 * the time.  Private to proto/.
 *
 * Commas are put by themselves.  Memory running out is told once, at the end. */
#ifndef POWERCTL_JSON_TEXT_H
#define POWERCTL_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_text {
    char *bytes;
    size_t size, room;
    bool failed;
};

void json_open(struct json_text *text, char bracket); /* '{' or '[' */
void json_close(struct json_text *text, char bracket);
void json_put_key(struct json_text *text, const char *key); /* plain: letters, digits, '_', '-' */
void json_put_bool(struct json_text *text, bool value);
void json_put_integer(struct json_text *text, int64_t value);
void json_put_seconds(struct json_text *text, uint64_t ms); /* a real: 1.5, 0.0 */
void json_put_newline(struct json_text *text);              /* behind the last bracket: a line */
/* Of any bytes: what is not UTF-8 becomes '?', as a device may send anything. */
void json_put_string(struct json_text *text, const char *value);

/* The text, malloc'd; NULL if memory ran out. Leaves an empty one. */
char *json_text_take(struct json_text *text);

#endif
