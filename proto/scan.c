#include "proto/scan.h"

#include <string.h>

#include "proto/text.h"

bool scan_text(const char **at, const char *text)
{
    size_t length = strlen(text);
    if (strncmp(*at, text, length))
        return false;
    *at += length;
    return true;
}

bool scan_number(const char **at, uint64_t *number)
{
    uint64_t n = 0;
    const char *c = *at;
    for (; *c >= '0' && *c <= '9'; c++) {
        if (n > (UINT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (uint64_t)(*c - '0');
    }
    if (c == *at)
        return false;
    *number = n;
    *at = c;
    return true;
}

bool scan_blank(const char **at)
{
    const char *c = *at + strspn(*at, " \t");
    if (c == *at)
        return false;
    *at = c;
    return true;
}

bool scan_end(const char **at)
{
    const char *c = *at + strspn(*at, " \t\r");
    if (*c)
        return false;
    *at = c;
    return true;
}

/* An address as a word of its own. */
static bool take_address(const char **at, const char *letters, char *out, size_t size)
{
    size_t length = strspn(*at, letters);
    while (length && (*at)[length - 1] == ':')
        length--; /* "via eth0:" and "from MAC:" */
    char after = (*at)[length];
    if (!length || length >= size || (after && !strchr(" \t\r,):]", after)))
        return false;
    memcpy(out, *at, length);
    out[length] = '\0';
    *at += length;
    return true;
}

bool scan_mac(const char **at, struct mac *mac)
{
    const char *c = *at;
    char text[MAC_TEXT_SIZE];
    if (!take_address(&c, "0123456789abcdefABCDEF:", text, sizeof text) || mac_parse(text, mac))
        return false;
    *at = c;
    return true;
}

bool scan_ipv4(const char **at, struct ipv4 *ip)
{
    const char *c = *at;
    char text[IPV4_TEXT_SIZE];
    if (!take_address(&c, "0123456789.", text, sizeof text) || ipv4_parse(text, ip))
        return false;
    *at = c;
    return true;
}

bool scan_until(const char **at, const char *text)
{
    const char *found = strstr(*at, text);
    if (!found)
        return false;
    *at = found + strlen(text);
    return true;
}

bool scan_word(const char **at, char *out, size_t size)
{
    size_t length = strcspn(*at, " \t\r");
    if (!length)
        return false;
    (void)text_copy(out, size, *at, length);
    *at += length;
    return true;
}

bool scan_before_last(const char **at, const char *text, char *out, size_t size)
{
    const char *found = NULL;
    for (const char *c = *at; (c = strstr(c, text)); c++)
        found = c;
    if (!found || found == *at)
        return false;
    (void)text_copy(out, size, *at, (size_t)(found - *at));
    *at = found + strlen(text);
    return true;
}
