/* Lines between agent and driver, in all three directions: what decodes must encode, and decode
 * to the same again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cleanup.h"
#include "proto/driver_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const void *a, const void *b, size_t size)
{
    if (memcmp(a, b, size) != 0)
        abort();
}

/* With a blank behind its first byte no line is plain: jansson reads it, and has to agree. */
static void try_both_ways(const char *line)
{
    size_t size = strlen(line) + 2;
    _cleanup_(freep) char *other = malloc(size);
    if (!other || line[0] != '{')
        return;
    other[0] = '{';
    other[1] = ' ';
    memcpy(other + 2, line + 1, size - 2);
    struct driver_order plain = {0}, tree = {0};
    if (driver_order_decode(line, &plain, NULL) != driver_order_decode(other, &tree, NULL))
        abort();
    same(&plain, &tree, sizeof plain);
    struct driver_answer plain_answer = {0}, tree_answer = {0};
    if (driver_answer_decode(line, &plain_answer, NULL) !=
        driver_answer_decode(other, &tree_answer, NULL))
        abort();
    same(&plain_answer, &tree_answer, sizeof plain_answer);
}

static void try_order(const char *line)
{
    struct driver_order order = {0}, again = {0};
    if (driver_order_decode(line, &order, NULL))
        return;
    _cleanup_(freep) char *back = order.kind == DRIVER_MSG_DEVICE
                                      ? driver_device_encode(&order.device)
                                      : driver_request_encode(&order.request);
    if (!back)
        return; /* longer than a line may be */
    if (driver_order_decode(back, &again, NULL))
        abort();
    same(&order, &again, sizeof order);
}

static void try_answer(const char *line)
{
    struct driver_answer answer, again;
    if (driver_answer_decode(line, &answer, NULL))
        return;
    _cleanup_(freep) char *back = answer.kind == DRIVER_ANSWER_REPLY
                                      ? driver_reply_encode(&answer.reply)
                                      : driver_refusal_encode(answer.device, &answer.refusal);
    if (!back || driver_answer_decode(back, &again, NULL))
        abort();
    const size_t readings = offsetof(struct driver_reply, power);
    if (answer.kind == DRIVER_ANSWER_REPLY) {
        same(&answer.reply, &again.reply, offsetof(struct driver_reply, err.text));
        same((const char *)&answer.reply + readings, (const char *)&again.reply + readings,
             sizeof answer.reply - readings);
    } else
        same(answer.device, again.device, sizeof answer.device);
}

static void try_credentials(const char *line)
{
    struct driver_credentials credentials, again;
    if (driver_credentials_decode(line, &credentials, NULL))
        return;
    _cleanup_(freep) char *back = driver_credentials_encode(&credentials);
    if (!back || driver_credentials_decode(back, &again, NULL))
        abort();
    same(&credentials, &again, sizeof credentials);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_(freep) char *line = malloc(size + 1);
    if (!line)
        return 0;
    if (size)
        memcpy(line, data, size);
    line[size] = '\0';
    try_both_ways(line);
    try_order(line);
    try_answer(line);
    try_credentials(line);
    return 0;
}
