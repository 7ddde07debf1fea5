/* The two codecs held against each other, and both against the BMC of the farm, whose
 * cryptography is a third one: whatever one says, the other understands; whatever is bent or cut,
 * both refuse, or both take for the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drivers/ipmi/codec.h"
#include "drivers/ipmi/codec_private.h"
#include "proto/cleanup.h"
#include "tests/unit/ipmi_bmc.h"

enum { ROUNDS = 200 };

static const uint8_t suites[] = {17, 3};
static struct codec *codec;
static uint64_t seed = 1;

static unsigned random_below(unsigned limit)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (unsigned)(seed >> 33) % limit;
}

static void random_text(char *out, unsigned size)
{
    for (unsigned i = 0; i < size; i++)
        out[i] = (char)('!' + random_below('~' - '!'));
    out[size] = '\0';
}

static struct login random_login(void)
{
    struct login login = {.privilege = (uint8_t)(2 + random_below(3))};
    random_text(login.user, 1 + random_below(IPMI_USER_SIZE - 1));
    random_text(login.password.bytes, random_below(IPMI_PASSWORD_LONGEST + 1));
    return login;
}

static struct link spoken_by(const struct link *link, enum codec_kind kind)
{
    struct link other = *link;
    other.codec = (uint8_t)kind;
    return other;
}

static void assert_same_datagram(const struct datagram *a, const struct datagram *b)
{
    assert_int_equal(a->size, b->size);
    assert_memory_equal(a->bytes, b->bytes, a->size);
}

/* A datagram for the reading codec to overrun: of the heap, and no larger than it is. */
struct exact {
    uint8_t *bytes;
    size_t size;
};

static struct exact exact_copy(const uint8_t *bytes, size_t size)
{
    struct exact copy = {.bytes = malloc(size ? size : 1), .size = size};
    if (!copy.bytes)
        abort();
    memcpy(copy.bytes, bytes, size);
    return copy;
}

/* What a codec makes of a datagram. */
struct reading {
    int rc;
    uint8_t status;
    bool proven;
    struct link link;
    struct ipmi_answer answer;
};

static struct reading read_by(enum codec_kind kind, const struct link *link, enum payload payload,
                              const uint8_t *bytes, size_t size)
{
    struct reading r = {.rc = -1, .link = spoken_by(link, kind)};
    struct exact copy = exact_copy(bytes, size);
    switch (payload) {
    case PAYLOAD_NONE:
        break;
    case PAYLOAD_OPEN_SESSION:
        r.rc = codec_read_open_session(codec, &r.link, copy.bytes, size, &r.status);
        break;
    case PAYLOAD_RAKP_2:
        r.rc = codec_read_rakp_2(codec, &r.link, copy.bytes, size, &r.status, &r.proven);
        break;
    case PAYLOAD_RAKP_4:
        r.rc = codec_read_rakp_4(codec, &r.link, copy.bytes, size, &r.status, &r.proven);
        break;
    case PAYLOAD_IPMI:
        r.rc = codec_read_answer(codec, &r.link, copy.bytes, size, &r.answer);
        break;
    }
    free(copy.bytes);
    r.link.codec = link->codec;
    return r;
}

static void assert_same_link(const struct link *a, const struct link *b)
{
    assert_int_equal(a->bmc_id, b->bmc_id);
    assert_int_equal(a->sequence, b->sequence);
    assert_int_equal(a->heard_highest, b->heard_highest);
    assert_int_equal(a->heard_list, b->heard_list);
    assert_memory_equal(a->bmc_random, b->bmc_random, sizeof a->bmc_random);
    assert_memory_equal(a->bmc_guid, b->bmc_guid, sizeof a->bmc_guid);
    assert_int_equal(a->sik_size, b->sik_size);
    assert_memory_equal(a->sik, b->sik, a->sik_size);
    assert_int_equal(a->integrity_key_size, b->integrity_key_size);
    assert_memory_equal(a->integrity_key, b->integrity_key, a->integrity_key_size);
    /* libfreeipmi counts the whole K2; AES takes its first 16 bytes. */
    assert_memory_equal(a->confidentiality_key, b->confidentiality_key, 16);
}

static void assert_same_answer(const struct ipmi_answer *a, const struct ipmi_answer *b)
{
    assert_int_equal(a->netfn, b->netfn);
    assert_int_equal(a->command, b->command);
    assert_int_equal(a->sequence, b->sequence);
    assert_int_equal(a->code, b->code);
    assert_int_equal(a->size, b->size);
    assert_memory_equal(a->data, b->data, a->size);
}

static void assert_same_reading(const struct reading *a, const struct reading *b)
{
    assert_int_equal(a->rc, b->rc);
    assert_same_link(&a->link, &b->link);
    if (a->rc)
        return;
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->proven, b->proven);
    assert_same_answer(&a->answer, &b->answer);
}

/* Both read it, and read the same; the link is then as they left it. */
static struct reading read_by_both(struct link *link, enum payload expected, const uint8_t *bytes,
                                   size_t size)
{
    enum payload payload = codec_payload(link, bytes, size);
    struct reading native = read_by(CODEC_NATIVE, link, payload, bytes, size);
    struct reading freeipmi = read_by(CODEC_FREEIPMI, link, payload, bytes, size);
    assert_int_equal(payload, expected);
    assert_int_equal(native.rc, 0);
    assert_same_reading(&native, &freeipmi);
    *link = native.link;
    return native;
}

/* --- cut and bent --- */

/* Of a mutation that got past codec_payload(). True: it was refused, or is no answer. */
static bool agree(const struct link *link, enum payload kind, const uint8_t *bytes, size_t size)
{
    enum payload payload = codec_payload(link, bytes, size);
    if (payload == PAYLOAD_NONE || payload != kind)
        return true;
    struct reading native = read_by(CODEC_NATIVE, link, payload, bytes, size);
    struct reading freeipmi = read_by(CODEC_FREEIPMI, link, payload, bytes, size);
    /* libfreeipmi takes a check value of the wrong size for a wrong one; that is damage. */
    bool dropped = native.rc && !freeipmi.rc && payload == PAYLOAD_RAKP_4 && !freeipmi.proven;
    if (!dropped)
        assert_same_reading(&native, &freeipmi);
    return native.rc || (kind == PAYLOAD_IPMI ? false : native.status || !native.proven);
}

static void cut_everywhere(const struct link *link, enum payload kind, const uint8_t *bytes,
                           size_t size)
{
    uint8_t cut[IPMI_DATAGRAM_SIZE];
    for (size_t left = 0; left < size; left++) {
        memcpy(cut, bytes, size);
        assert_true(agree(link, kind, cut, left));
        if (left <= 16)
            continue;
        /* The same with a length field that fits what is left. */
        cut[14] = (uint8_t)(left - 16);
        cut[15] = 0;
        assert_true(agree(link, kind, cut, left));
    }
}

static void bend_everywhere(const struct link *link, enum payload kind, const uint8_t *bytes,
                            size_t size)
{
    uint8_t bent[IPMI_DATAGRAM_SIZE];
    for (unsigned bit = 0; bit < size * 8; bit++) {
        memcpy(bent, bytes, size);
        bent[bit / 8] ^= (uint8_t)(1U << bit % 8);
        bool refused = agree(link, kind, bent, size);
        /* All but the version and sequence of RMCP is signed. */
        if (kind == PAYLOAD_IPMI && bit / 8 != 1 && bit / 8 != 2)
            assert_true(refused);
    }
}

static void maltreat(const struct link *link, enum payload kind, const uint8_t *bytes, size_t size)
{
    cut_everywhere(link, kind, bytes, size);
    bend_everywhere(link, kind, bytes, size);
}

/* --- a conversation with the farm's BMC, each word said by both and heard by both --- */

typedef int say_fn(struct codec *codec, const struct link *link, struct datagram *out);

static struct datagram say_by_both(const struct link *link, say_fn *say)
{
    struct datagram native, freeipmi;
    const struct link a = spoken_by(link, CODEC_NATIVE), b = spoken_by(link, CODEC_FREEIPMI);
    assert_int_equal(say(codec, &a, &native), 0);
    assert_int_equal(say(codec, &b, &freeipmi), 0);
    assert_same_datagram(&native, &freeipmi);
    return native;
}

static int say_proof(struct codec *c, const struct link *link, struct datagram *out)
{
    return codec_rakp_3(c, link, 0, out);
}

static int say_never_mind(struct codec *c, const struct link *link, struct datagram *out)
{
    return codec_rakp_3(c, link, 0x12, out);
}

static struct reading ask(struct ipmi_bmc *bmc, struct link *link, const struct datagram *datagram,
                          enum payload kind, bool bad_network)
{
    uint8_t answer[BMC_DATAGRAM_SIZE];
    size_t size = ipmi_bmc_hear(bmc, datagram->bytes, datagram->size, 1000, answer);
    assert_true(size > 0);
    if (bad_network)
        maltreat(link, kind, answer, size);
    return read_by_both(link, kind, answer, size);
}

static void command_by_both(struct ipmi_bmc *bmc, struct link *link, uint8_t command, uint8_t size,
                            bool bad_network)
{
    for (unsigned kind = 0; kind < CODECS; kind++) {
        struct datagram datagram;
        struct link speaker = spoken_by(link, kind);
        struct ipmi_request request = {
            .command = command, .size = size, .sequence = (uint8_t)(7 + kind), .data = {0x05}};
        assert_int_equal(codec_command(codec, &speaker, &request, &datagram), 0);
        link->sequence = speaker.sequence;
        struct reading reading = ask(bmc, link, &datagram, PAYLOAD_IPMI, bad_network);
        assert_int_equal(reading.answer.command, command);
        assert_int_equal(reading.answer.sequence, request.sequence);
        assert_int_equal(reading.answer.code, 0);
    }
}

static void converse(const struct login *login, uint8_t suite, bool bad_network)
{
    struct ipmi_bmc *bmc = ipmi_bmc_new();
    struct link link;
    ipmi_bmc_login(bmc, login->user, login->password.bytes);
    assert_int_equal(codec_begin(codec, &link, login, suite), 0);
    assert_int_equal(link.codec, CODEC_NATIVE);

    struct datagram datagram = say_by_both(&link, codec_open_session);
    ask(bmc, &link, &datagram, PAYLOAD_OPEN_SESSION, bad_network);
    datagram = say_by_both(&link, codec_rakp_1);
    assert_true(ask(bmc, &link, &datagram, PAYLOAD_RAKP_2, bad_network).proven);
    (void)say_by_both(&link, say_never_mind);
    datagram = say_by_both(&link, say_proof);
    assert_true(ask(bmc, &link, &datagram, PAYLOAD_RAKP_4, bad_network).proven);
    command_by_both(bmc, &link, 0x01, 0, bad_network); /* Get Chassis Status */
    if (login->privilege > 2 && !bad_network)
        command_by_both(bmc, &link, 0x07, 0, bad_network); /* restart cause: another length */
    codec_wipe(&link);
    ipmi_bmc_free(bmc);
}

static void test_conversations(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct login login = random_login();
        converse(&login, suites[i % ARRAY_SIZE(suites)], false);
    }
}

static void test_maltreated(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 * ARRAY_SIZE(suites); i++) {
        struct login login = random_login();
        converse(&login, suites[i % ARRAY_SIZE(suites)], true);
    }
}

static void test_wrong_password(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct login login = random_login();
        struct ipmi_bmc *bmc = ipmi_bmc_new();
        struct link link;
        ipmi_bmc_login(bmc, login.user, "another one");
        assert_int_equal(codec_begin(codec, &link, &login, suites[i % 2]), 0);
        struct datagram datagram = say_by_both(&link, codec_open_session);
        ask(bmc, &link, &datagram, PAYLOAD_OPEN_SESSION, false);
        datagram = say_by_both(&link, codec_rakp_1);
        assert_false(ask(bmc, &link, &datagram, PAYLOAD_RAKP_2, false).proven);
        ipmi_bmc_free(bmc);
    }
}

/* --- in session, any length: one speaks, the other listens, as request and answer differ in a
 * bit of the function and in what the first data byte is called --- */

static struct link random_link(const struct login *login, uint8_t suite)
{
    struct link link;
    if (codec_begin(codec, &link, login, suite))
        abort();
    link.bmc_id = link.console_id; /* to be heard by ourselves */
    link.sequence = random_below(1 << 30);
    link.sik_size = link.integrity_key_size = suite == 17 ? 32 : 20;
    link.confidentiality_key_size = 16;
    for (unsigned i = 0; i < IPMI_KEY_SIZE; i++) {
        link.sik[i] = (uint8_t)random_below(256);
        link.integrity_key[i] = (uint8_t)random_below(256);
        link.confidentiality_key[i] = (uint8_t)random_below(256);
    }
    return link;
}

static void test_commands(void **state)
{
    (void)state;
    static const struct login login = {.user = "admin", .password = {"secret"}, .privilege = 3};
    for (unsigned i = 0; i < ROUNDS * 10; i++) {
        struct link link = random_link(&login, suites[i % ARRAY_SIZE(suites)]);
        struct link speaker = spoken_by(&link, i / 2 % CODECS);
        struct ipmi_request request = {.netfn = (uint8_t)(random_below(2) ? 0x01 : 0x07),
                                       .command = (uint8_t)random_below(256),
                                       .sequence = (uint8_t)random_below(64),
                                       .size = (uint8_t)(1 + random_below(IPMI_REQUEST_SIZE))};
        for (unsigned at = 0; at < request.size; at++)
            request.data[at] = (uint8_t)random_below(256);
        struct datagram datagram;
        assert_int_equal(codec_command(codec, &speaker, &request, &datagram), 0);
        assert_int_equal(speaker.sequence, link.sequence + 1);
        if (i < 2 * CODECS)
            maltreat(&link, PAYLOAD_IPMI, datagram.bytes, datagram.size);
        struct reading r = read_by_both(&link, PAYLOAD_IPMI, datagram.bytes, datagram.size);
        struct ipmi_answer expected = {.netfn = (uint8_t)(request.netfn - 1),
                                       .command = request.command,
                                       .sequence = request.sequence,
                                       .code = request.data[0],
                                       .size = (uint8_t)(request.size - 1)};
        memcpy(expected.data, request.data + 1, expected.size);
        assert_same_answer(&r.answer, &expected);
        assert_int_equal(r.link.heard_highest, speaker.sequence);
    }
}

static void test_random_blocks_differ(void **state)
{
    (void)state;
    static const struct login login = {.user = "admin", .password = {"secret"}, .privilege = 3};
    struct link link = random_link(&login, 17);
    struct ipmi_request request = {.command = 1};
    struct datagram before, now;
    assert_int_equal(codec_command(codec, &link, &request, &before), 0);
    for (unsigned i = 0; i < 100; i++, before = now) {
        assert_int_equal(codec_command(codec, &link, &request, &now), 0);
        assert_memory_not_equal(before.bytes + 16, now.bytes + 16, 16);
    }
}

static void test_who_speaks(void **state)
{
    (void)state;
    struct login login = {.user = "admin", .privilege = 3};
    struct link link;
    static const struct {
        uint8_t suite, wanted, got;
        uint32_t workarounds;
    } cases[] = {
        {17, CODEC_NATIVE, CODEC_NATIVE, 0},
        {3, CODEC_NATIVE, CODEC_NATIVE, 0},
        {3, CODEC_NATIVE, CODEC_NATIVE, 1U << WORKAROUND_NOCHECKSUMCHECK},
        {3, CODEC_FREEIPMI, CODEC_FREEIPMI, 0},
        {0, CODEC_NATIVE, CODEC_FREEIPMI, 0},
        {8, CODEC_NATIVE, CODEC_FREEIPMI, 0},
        {3, CODEC_NATIVE, CODEC_FREEIPMI, 1U << WORKAROUND_INTEL20},
        {3, CODEC_NATIVE, CODEC_FREEIPMI, 1U << WORKAROUND_SUPERMICRO20},
        {3, CODEC_NATIVE, CODEC_FREEIPMI, 1U << WORKAROUND_SUN20},
    };
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        login.codec = cases[i].wanted;
        login.workarounds = cases[i].workarounds;
        assert_int_equal(codec_begin(codec, &link, &login, cases[i].suite), 0);
        assert_int_equal(link.codec, cases[i].got);
    }
    assert_int_equal(codec_begin(codec, &link, &login, 200), -1);
}

static void test_replay_window(void **state)
{
    (void)state;
    static const struct {
        uint32_t number;
        bool is_new;
    } heard[] = {
        {0, false},    {5, true},     {5, false},    {3, true},     {3, false},    {4, true},
        {6, true},     {6, false},    {5, false},    {2000, true}, /* 1,993 answers were lost */
        {6, false},    {1968, true},  {1968, false}, {1967, false}, {1999, true},  {2032, true},
        {1999, false}, {2000, false}, {2001, true},  {2031, true},  {2031, false},
    };
    struct link link = {0};
    for (size_t i = 0; i < ARRAY_SIZE(heard); i++)
        assert_int_equal(codec_sequence_is_new(&link, heard[i].number), heard[i].is_new);
    struct link far = {0}; /* a BMC may begin anywhere, and wrap around */
    assert_true(codec_sequence_is_new(&far, UINT32_MAX));
    assert_true(codec_sequence_is_new(&far, 1));
    assert_false(codec_sequence_is_new(&far, UINT32_MAX));
}

static int start(void **state)
{
    (void)state;
    codec = codec_new(NULL);
    return codec ? 0 : -1;
}

static int stop(void **state)
{
    (void)state;
    codec_free(codec);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversations),  cmocka_unit_test(test_maltreated),
        cmocka_unit_test(test_wrong_password), cmocka_unit_test(test_commands),
        cmocka_unit_test(test_who_speaks),     cmocka_unit_test(test_random_blocks_differ),
        cmocka_unit_test(test_replay_window),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
