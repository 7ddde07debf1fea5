/* Any bytes as what a node sends to the phone-home page, as its connection holds them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/phone_home_request.h"
#include "proto/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char good[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-";
    char token[PHONE_HOME_TOKEN_SIZE];
    _cleanup_(freep) char *request = malloc(size + 1);
    if (!request)
        return 0;
    if (size)
        memcpy(request, data, size);
    request[size] = '\0';
    memset(token, '!', sizeof token);
    if (!phone_home_request_whole(request) && size % 2)
        return 0; /* as a connection would; what is not whole must be harmless all the same */
    int status = phone_home_request_read(request, token);
    if (status != 200 && status != 400 && status != 404)
        abort();
    if (status == 200) {
        size_t length = strnlen(token, sizeof token);
        if (!length || length == sizeof token || strspn(token, good) != length)
            abort();
    }
    return 0;
}
