/* text.h - copy foreign text so that it can be shown, logged and put in JSON. */
#ifndef POWERCTL_TEXT_H
#define POWERCTL_TEXT_H

#include <stddef.h>

/* Copies up to `length` bytes, or up to a NUL, into out[size], cut to fit and always ended.
 * What is not printable ASCII becomes '?': names in packets and logs are chosen by whoever
 * sends them, and may hold newlines, terminal escapes or broken UTF-8. Returns the length. */
size_t text_copy(char *out, size_t size, const void *bytes, size_t length);

#endif
