/* Server-Sent Events: every message once, however the bytes are cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/client/sse.h"
#include "proto/cleanup.h"

struct heard {
    char text[2048]; /* "event|data|id;" for each message */
    size_t count;
};

static void hear(void *arg, const struct sse_message *message)
{
    struct heard *heard = arg;
    size_t size = strlen(heard->text);
    heard->count++;
    (void)snprintf(heard->text + size, sizeof heard->text - size, "%s|%s|%s;", message->event,
                   message->data, message->id);
}

/* Feeds `text` in pieces of `step` bytes. */
static struct heard feed(const char *text, size_t step)
{
    struct heard heard = {0};
    struct sse_parser parser;
    assert_int_equal(sse_init(&parser, NULL), 0);
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i += step)
        assert_int_equal(
            sse_feed(&parser, text + i, size - i < step ? size - i : step, hear, &heard, NULL), 0);
    sse_clear(&parser);
    return heard;
}

static void test_streams(void **state)
{
    (void)state;
    static const struct {
        const char *stream, *heard;
    } cases[] = {
        {"data: one\n\n", "message|one|;"},
        {"id: 41\nevent: stage\ndata: {}\n\n", "stage|{}|41;"},
        {"id:41\nevent:stage\ndata:{}\n\n", "stage|{}|41;"},
        {"data:  two spaces\n\n", "message| two spaces|;"},
        {"data: a\r\n\r\ndata: b\r\n\r\n", "message|a|;message|b|;"},
        {"data: a\r\rdata: b\r\r", "message|a|;message|b|;"},
        {"data: a\ndata: b\n\n", "message|a\nb|;"},
        {"data\ndata\n\n", "message|\n|;"},
        {": ping\n\n: ping\n\ndata: x\n\n", "message|x|;"},
        {"id: 7\n\ndata: x\n\ndata: y\n\n", "message|x|7;message|y|7;"},
        {"id: 7\ndata: x\n\nid\ndata: y\n\n", "message|x|7;message|y|;"},
        {"event: stage\n\ndata: x\n\n", "message|x|;"},
        {"retry: 10\nhumour: none\ndata: x\n\n", "message|x|;"},
        {"data: cut off\n", ""},
        {"\xef\xbb\xbf"
         "data: bom\n\n",
         "message|bom|;"},
        {"data: a:b: c\n\n", "message|a:b: c|;"},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (size_t step = 1; step <= 40; step++) {
            struct heard heard = feed(cases[i].stream, step);
            assert_string_equal(heard.text, cases[i].heard);
        }
}

static void test_a_new_connection_forgets_half_a_message_but_not_the_id(void **state)
{
    (void)state;
    struct heard heard = {0};
    struct sse_parser parser;
    assert_int_equal(sse_init(&parser, NULL), 0);
    static const char first[] = "id: 5\ndata: whole\n\nid: 6\ndata: ha";
    static const char second[] = "data: again\n\n";
    assert_int_equal(sse_feed(&parser, first, sizeof first - 1, hear, &heard, NULL), 0);
    sse_restart(&parser);
    assert_int_equal(sse_feed(&parser, second, sizeof second - 1, hear, &heard, NULL), 0);
    assert_string_equal(heard.text, "message|whole|5;message|again|5;");
    sse_clear(&parser);
}

static void test_too_much_is_an_error(void **state)
{
    (void)state;
    struct sse_parser parser;
    struct heard heard = {0};
    struct err err = {0};
    _cleanup_(freep) char *flood = malloc(SSE_MAX + 1);
    memset(flood, 'x', SSE_MAX + 1);
    assert_int_equal(sse_init(&parser, NULL), 0);
    assert_int_equal(sse_feed(&parser, flood, SSE_MAX + 1, hear, &heard, &err), -1);
    assert_int_equal(err.kind, ERR_LIMIT);
    sse_clear(&parser);

    assert_int_equal(sse_init(&parser, NULL), 0);
    int result = 0;
    for (int i = 0; i < 70000 && !result; i++)
        result = sse_feed(&parser, "data:x\n", 7, hear, &heard, &err);
    assert_int_equal(result, -1);
    assert_int_equal(heard.count, 0);
    sse_clear(&parser);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_a_new_connection_forgets_half_a_message_but_not_the_id),
        cmocka_unit_test(test_too_much_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
