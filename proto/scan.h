/* scan.h - take a line of text apart from the left.
 *
 * Each scan_ function moves *at over what it recognises and returns true, or returns false and
 * leaves *at alone, so that conditions chain with &&. */
#ifndef POWERCTL_SCAN_H
#define POWERCTL_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/address.h"

bool scan_text(const char **at, const char *text);   /* exactly this */
bool scan_number(const char **at, uint64_t *number); /* decimal */
bool scan_blank(const char **at);                    /* one blank or more */
bool scan_end(const char **at);                      /* blanks, then the end */
bool scan_mac(const char **at, struct mac *mac);     /* ends at a blank, ',', ')', ']' or ':' end */
bool scan_ipv4(const char **at, struct ipv4 *ip);    /* likewise */
bool scan_until(const char **at, const char *text);  /* over the first `text` */
bool scan_word(const char **at, char *out, size_t size); /* up to a blank, cleaned */

/* The last `text` in what follows splits it: before it goes to out (cleaned), *at moves behind it.
 * The last, because what stands before was named by a stranger. */
bool scan_before_last(const char **at, const char *text, char *out, size_t size);

#endif
