#include "agent/io/phone_home_request.h"

#include <string.h>

#include "proto/address.h"

bool phone_home_request_whole(const char *request)
{
    return strstr(request, "\r\n\r\n") || strstr(request, "\n\n");
}

static int hex(char c)
{
    static const char digits[] = "0123456789abcdefABCDEF";
    const char *found = c ? strchr(digits, c) : NULL;
    int value = found ? (int)(found - digits) : -1;
    return value < 16 ? value : value - 6;
}

/* Percent escapes undone; names and MACs only. False: nothing that could be one. */
static bool take_token(const char *at, size_t length, char token[PHONE_HOME_TOKEN_SIZE])
{
    size_t n = 0;
    for (size_t i = 0; i < length; i++) {
        char c = at[i];
        if (c == '%' && i + 2 < length && hex(at[i + 1]) >= 0 && hex(at[i + 2]) >= 0) {
            c = (char)(hex(at[i + 1]) << 4 | hex(at[i + 2]));
            i += 2;
        }
        bool good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    (c && strchr("._:-", c));
        if (!good || n == PHONE_HOME_TOKEN_SIZE - 1)
            return false;
        token[n++] = c;
    }
    token[n] = '\0';
    return n > 0;
}

int phone_home_request_read(char *request, char token[PHONE_HOME_TOKEN_SIZE])
{
    char *end = request + strcspn(request, "\r\n");
    *end = '\0';
    char *target = strchr(request, ' ');
    char *version = target ? strchr(target + 1, ' ') : NULL;
    if (!version || strncmp(version, " HTTP/1.", 8))
        return 400;
    *target++ = *version = '\0';
    if (strcmp(request, "GET") && strcmp(request, "POST"))
        return 400;
    static const char path[] = "/v1/phone-home", query[] = "?mac=";
    if (strncmp(target, path, sizeof path - 1))
        return 404;
    target += sizeof path - 1;
    if (!strncmp(target, query, sizeof query - 1)) {
        target += sizeof query - 1;
        struct mac mac;
        bool good = take_token(target, strcspn(target, "&"), token) && !mac_parse(token, &mac);
        return good ? 200 : 400;
    }
    if (*target++ != '/')
        return 404;
    return take_token(target, strcspn(target, "?"), token) ? 200 : 400;
}
