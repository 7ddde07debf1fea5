/* json_load.h - text to JSON.  Private to proto.
 *
 * jansson 2.14's parser must not run out of memory: in the middle of a string it goes on without
 * the byte that it had no room for (lex_save() in its load.c ignores what strbuffer_append_byte()
 * returns), so that "n12" is read as "n1", which is another machine, or its own buffers are
 * overrun.  Here the program stops instead: what it was doing is in the journal. */
#ifndef POWERCTL_JSON_LOAD_H
#define POWERCTL_JSON_LOAD_H

#include <jansson.h>
#include <stdbool.h>

/* One value and nothing behind it; a key that is there twice is an error. NULL with *why. */
json_t *json_load(const char *text, json_error_t *why);

/* Of what json_unpack_ex() said: was memory the matter, and not the text? */
bool json_out_of_memory(const json_error_t *why);

#endif
