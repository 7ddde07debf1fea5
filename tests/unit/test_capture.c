/* A recorded boot (tests/data/boot-samples/boot-chain-filtered.pcap) and made-up packets through
 * the capture, and the kernel's filter run by a small interpreter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/capture/capture.h"
#include "agent/capture/flow.h"
#include "proto/cleanup.h"
#include "proto/tftp.h"
#include "tests/unit/bpf.h"
#include "tests/unit/frame.h"

enum { NOTES_MAX = 4096, CLIENT = FRAME_CLIENT, SERVER = FRAME_SERVER, TID = 40000, PORT = 2070 };

struct recording {
    struct capture *capture;
    struct note note[NOTES_MAX];
    size_t count;
};

static void record(void *arg, const struct note *note)
{
    struct recording *recording = arg;
    assert_true(recording->count < NOTES_MAX);
    recording->note[recording->count++] = *note;
}

static int set_up(void **state)
{
    struct recording *recording = calloc(1, sizeof *recording);
    recording->capture = capture_new(record, recording, NULL);
    *state = recording;
    return recording->capture ? 0 : -1;
}

static int tear_down(void **state)
{
    struct recording *recording = *state;
    capture_freep(&recording->capture);
    free(recording);
    return 0;
}

/* ---- the filter, as the kernel runs it ---- */

static bool passes(const struct capture *capture, const void *frame, size_t size)
{
    struct sock_filter code[FILTER_INSTRUCTIONS_MAX];
    size_t count = filter_build(capture_filter(capture), code);
    return bpf_run(code, count, frame, size) == FILTER_SNAPLEN;
}

/* ---- making frames ---- */

/* Through the kernel's filter, then into the capture. True if it passed. */
static bool send_frame(struct recording *r, const struct frame *frame, uint64_t now_ms)
{
    if (!passes(r->capture, frame->bytes, frame->size))
        return false;
    size_t captured = frame->size < FILTER_SNAPLEN ? frame->size : FILTER_SNAPLEN;
    capture_packet(r->capture, frame->bytes, captured, frame->size, now_ms);
    return true;
}

static bool send_udp(struct recording *r, bool to_server, uint16_t server_port, const void *payload,
                     size_t size, uint64_t now_ms)
{
    struct frame f = udp_frame((struct shape){0}, to_server, server_port, PORT, payload, size);
    return send_frame(r, &f, now_ms);
}

#define RRQ                                                                                        \
    "\0\1initrd\0octet\0tsize\0"                                                                   \
    "0\0blksize\0"                                                                                 \
    "1408"
#define OACK                                                                                       \
    "\0\6tsize\0"                                                                                  \
    "14280\0blksize\0"                                                                             \
    "1408" /* 10 full blocks and 200 bytes: 11 */

static void send_rrq(struct recording *r, uint64_t now_ms)
{
    assert_true(send_udp(r, true, 69, RRQ, sizeof RRQ, now_ms));
}

static void send_oack(struct recording *r, uint64_t now_ms)
{
    assert_true(send_udp(r, false, TID, OACK, sizeof OACK, now_ms));
}

static bool send_ack(struct recording *r, uint16_t block, uint64_t now_ms)
{
    uint8_t ack[4] = {0, 4, (uint8_t)(block >> 8), (uint8_t)block};
    return send_udp(r, true, TID, ack, sizeof ack, now_ms);
}

static bool send_data(struct recording *r, uint16_t block, size_t size, uint64_t now_ms)
{
    uint8_t data[1500] = {0, 3, (uint8_t)(block >> 8), (uint8_t)block};
    return send_udp(r, false, TID, data, 4 + size, now_ms);
}

static const struct note *last(const struct recording *r)
{
    assert_true(r->count > 0);
    return &r->note[r->count - 1];
}

/* ---- the recorded boot ---- */

struct pcap_packet {
    uint32_t seconds, microseconds, captured, original;
};

static void replay(struct recording *r)
{
    _cleanup_(fclosep) FILE *file = fopen("tests/data/boot-samples/boot-chain-filtered.pcap", "r");
    assert_non_null(file);
    uint32_t header[6];
    assert_int_equal(fread(header, sizeof header, 1, file), 1);
    assert_int_equal(header[0], 0xa1b2c3d4);
    assert_int_equal(header[5], 1); /* Ethernet */
    struct pcap_packet p;
    uint64_t begin_us = 0, now_ms = 0;
    uint8_t frame[4096];
    size_t packets = 0;
    while (fread(&p, sizeof p, 1, file) == 1) {
        assert_true(p.captured <= sizeof frame);
        assert_int_equal(fread(frame, p.captured, 1, file), 1);
        uint64_t at_us = (uint64_t)p.seconds * 1000000 + p.microseconds;
        if (!begin_us)
            begin_us = at_us;
        while (now_ms + 250 <= (at_us - begin_us) / 1000)
            capture_tick(r->capture, now_ms += 250);
        capture_packet(r->capture, frame, p.captured, p.original, (at_us - begin_us) / 1000);
        packets++;
    }
    for (uint64_t end_ms = now_ms + 60000; now_ms < end_ms;)
        capture_tick(r->capture, now_ms += 250);
    assert_int_equal(packets, 869);
}

static const struct note *find_note(const struct recording *r, enum note_kind kind,
                                    const char *file, uint64_t at_ms)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct note *note = &r->note[i];
        uint64_t late_ms = kind == NOTE_FILE_DONE ? 6000 : 2;
        if (note->kind == kind && note->at_ms + 2 >= at_ms && note->at_ms <= at_ms + late_ms &&
            (!file || !strcmp(note->file, file)))
            return note;
    }
    return NULL;
}

/* One line of the milestones: "   0.280 MAC tftp.last-data undionly.kpxe block=51 bytes=74213 ..." */
static void check_milestone(const struct recording *r, const char *line)
{
    double seconds;
    char mac[32], what[32], rest[128] = "", word[64] = "";
    if (sscanf(line, "%lf %31s %31s %127[^\n]", &seconds, mac, what, rest) < 3)
        return;
    uint64_t at_ms = (uint64_t)(seconds * 1000 + 0.5);
    (void)sscanf(rest, "%63s", word);
    const char *bytes = strstr(rest, "bytes=");
    const struct note *note = NULL;
    if (!strcmp(what, "dhcp.discover") || !strcmp(what, "dhcp.ack")) {
        bool ack = !strcmp(what, "dhcp.ack");
        note = find_note(r, ack ? NOTE_DHCP_ACK : NOTE_DHCP_DISCOVER, NULL, at_ms);
        if (note)
            assert_string_equal(dhcp_class_name(note->class), word);
        if (note && ack)
            assert_int_equal(note->ip.host_order, CLIENT);
    } else if (strstr(rest, "tsize probe")) {
        note = find_note(r, NOTE_FILE_ABORTED, word, at_ms);
        if (note)
            assert_memory_equal(note->reason, TFTP_PROBE_REASON, sizeof TFTP_PROBE_REASON - 1);
    } else if (!strcmp(what, "tftp.error")) {
        note = find_note(r, NOTE_FILE_MISSING, word, at_ms);
    } else if (!strcmp(what, "tftp.last-data")) {
        note = find_note(r, NOTE_FILE_DONE, word, at_ms);
        assert_non_null(bytes);
        if (note)
            assert_int_equal(note->bytes, strtoull(bytes + 6, NULL, 10));
    } else if (!strcmp(what, "http.get")) {
        note = find_note(r, NOTE_FILE_ASKED, "/vmlinuz", at_ms);
    } else if (!strcmp(what, "ssh.up")) {
        note = find_note(r, NOTE_PORT_OPEN, NULL, at_ms);
    } else if (strstr(rest, " 0% of ")) {
        note = find_note(r, NOTE_FILE_PROGRESS, word, at_ms);
        if (note)
            assert_int_equal(note->total, strtoull(strstr(rest, "of ") + 3, NULL, 10));
    } else {
        return; /* 25, 50, 75 %: we tell at most four times a second, not at quarters */
    }
    if (!note)
        fail_msg("not told: %s", line);
}

static void recorded_boot(void **state)
{
    struct recording *r = *state;
    replay(r);
    _cleanup_(fclosep) FILE *stages =
        fopen("tests/data/boot-samples/boot-chain-filtered.stages.txt", "r");
    assert_non_null(stages);
    char line[256];
    size_t lines = 0;
    for (; fgets(line, sizeof line, stages); lines++)
        check_milestone(r, line);
    assert_int_equal(lines, 26);

    uint64_t bytes = 0;
    for (size_t i = 0; i < r->count; i++) { /* progress never goes back */
        if (r->note[i].kind != NOTE_FILE_PROGRESS || strcmp(r->note[i].file, "initrd.img"))
            continue;
        assert_true(r->note[i].bytes >= bytes && r->note[i].bytes <= 67108864);
        bytes = r->note[i].bytes;
    }
    assert_true(bytes > 67108864 / 2);
}

static void recorded_boot_golden(void **state)
{
    struct recording *r = *state;
    replay(r);
    _cleanup_(freep) char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    for (size_t i = 0; i < r->count; i++) {
        char json[NOTE_LINE_SIZE];
        (void)note_encode(&r->note[i], json);
        (void)fprintf(out, "%6llu %s", (unsigned long long)r->note[i].at_ms, json);
    }
    (void)fclose(out);
    const char *path = "tests/golden/capture/boot-chain.notes";
    _cleanup_(fclosep) FILE *golden = fopen(path, getenv("GOLDEN") ? "w+" : "r");
    assert_non_null(golden);
    if (getenv("GOLDEN"))
        assert_int_equal(fwrite(text, 1, size, golden), size);
    rewind(golden);
    _cleanup_(freep) char *expected = calloc(1, size + 2);
    assert_int_equal(fread(expected, 1, size + 1, golden), size);
    assert_string_equal(text, expected);
}

/* What the reference filter let through, ours does too (except SYNs to the NFS server, of which
 * only the answer is a proof). */
static void filter_sees_the_recorded_boot(void **state)
{
    struct recording *r = *state;
    _cleanup_(fclosep) FILE *file = fopen("tests/data/boot-samples/boot-chain-filtered.pcap", "r");
    assert_non_null(file);
    assert_int_equal(fseek(file, 24, SEEK_SET), 0);
    struct pcap_packet p;
    uint8_t frame[4096];
    while (fread(&p, sizeof p, 1, file) == 1) {
        assert_int_equal(fread(frame, p.captured, 1, file), 1);
        if (!passes(r->capture, frame, p.captured))
            fail_msg("a packet at %u.%06u is rejected", p.seconds, p.microseconds);
    }
}

/* ---- one transfer in all its ends ---- */

static void rejects_the_bulk(void **state)
{
    struct recording *r = *state;
    static const size_t sizes[] = {512, 1024, 1408, 1428, 1432, 1456, 1468};
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++)
        assert_false(send_data(r, 7, sizes[i], 0));
    assert_true(send_data(r, 7, 100, 0));
    assert_false(send_ack(r, 63, 0));
    assert_true(send_ack(r, 64, 0));
    assert_true(send_ack(r, 1, 0)); /* small files */
    assert_false(send_udp(r, true, 9999, RRQ, sizeof RRQ, 0));
    assert_false(send_udp(r, false, TID, "\0\5\0\x09", 4, 0)); /* no such error */
    assert_int_equal(r->count, 0);
}

static void done_by_ack(void **state)
{
    struct recording *r = *state;
    send_rrq(r, 1000);
    assert_int_equal(last(r)->kind, NOTE_FILE_ASKED);
    assert_string_equal(last(r)->file, "initrd");
    assert_false(send_ack(r, 11, 1001)); /* not known yet to be the last */
    send_oack(r, 1002);
    assert_true(send_ack(r, 0, 1003));
    assert_int_equal(last(r)->kind, NOTE_FILE_PROGRESS);
    assert_int_equal(last(r)->total, 14280);
    assert_false(send_data(r, 10, 1408, 1004));
    assert_true(send_data(r, 11, 200, 1005));
    assert_int_equal(r->count, 2);
    assert_true(send_ack(r, 11, 1006));
    assert_int_equal(last(r)->kind, NOTE_FILE_DONE);
    assert_int_equal(last(r)->bytes, 14280);
    assert_string_equal(last(r)->reason, "");
    capture_tick(r->capture, 60000);
    assert_int_equal(r->count, 3); /* told once */
}

/* 14280 bytes in blocks of 1428 would be exact; here the last block is one the filter drops. */
static void done_by_ack_of_a_last_block_that_looks_full(void **state)
{
    struct recording *r = *state;
    static const uint8_t oack[] = "\0\6tsize\0"
                                  "15688\0blksize\0"
                                  "1428";
    send_rrq(r, 1000);
    assert_true(send_udp(r, false, TID, oack, sizeof oack, 1001));
    assert_true(send_ack(r, 0, 1002));
    assert_false(send_data(r, 11, 1408, 1003)); /* as long as PXELINUX's full ones */
    assert_true(send_ack(r, 11, 1004));
    assert_int_equal(last(r)->kind, NOTE_FILE_DONE);
    assert_int_equal(last(r)->bytes, 15688);
}

static void fetched_but_last_block(struct recording *r)
{
    send_rrq(r, 1000);
    send_oack(r, 1001);
    assert_true(send_ack(r, 0, 1002));
    assert_true(send_data(r, 11, 200, 1100));
}

static void done_by_silence(void **state)
{
    struct recording *r = *state;
    fetched_but_last_block(r);
    size_t before = r->count;
    capture_tick(r->capture, 1100 + 5900);
    assert_int_equal(r->count, before);
    capture_tick(r->capture, 1100 + 6000);
    assert_int_equal(r->count, before + 1);
    assert_int_equal(last(r)->kind, NOTE_FILE_DONE);
}

static void never_done_if_sent_again(void **state)
{
    struct recording *r = *state;
    fetched_but_last_block(r);
    size_t before = r->count;
    assert_true(send_data(r, 11, 200, 3100));
    assert_true(send_udp(r, true, 69, "\0\1vmlinuz\0octet", 16, 3200));
    for (uint64_t now_ms = 3300; now_ms < 3100 + 35000; now_ms += 250)
        capture_tick(r->capture, now_ms);
    for (size_t i = before; i < r->count; i++)
        assert_int_not_equal(r->note[i].kind, NOTE_FILE_DONE);
}

static void failed_if_given_up(void **state)
{
    struct recording *r = *state;
    fetched_but_last_block(r);
    assert_true(send_data(r, 11, 200, 3100));
    capture_tick(r->capture, 3100 + 34999);
    assert_int_not_equal(last(r)->kind, NOTE_FILE_FAILED);
    capture_tick(r->capture, 3100 + 35000);
    assert_int_equal(last(r)->kind, NOTE_FILE_FAILED);
}

static void done_if_sent_again_and_acknowledged(void **state)
{
    struct recording *r = *state;
    fetched_but_last_block(r);
    assert_true(send_data(r, 11, 200, 3100));
    assert_true(send_ack(r, 11, 3101));
    assert_int_equal(last(r)->kind, NOTE_FILE_DONE);
}

static void ask_on_another_port(struct recording *r, const char *file, uint64_t now_ms)
{
    char request[64] = "\0\1";
    size_t size = 2 + (size_t)(stpcpy(request + 2, file) - (request + 2)) + 1;
    memcpy(request + size, "octet", 6);
    struct frame f = udp_frame((struct shape){0}, true, 69, PORT + 1, request, size + 6);
    assert_true(send_frame(r, &f, now_ms));
}

static void done_by_moving_on(void **state)
{
    struct recording *r = *state;
    fetched_but_last_block(r);
    ask_on_another_port(r, "next", 1200);
    assert_int_equal(r->note[r->count - 2].kind, NOTE_FILE_DONE);
    assert_string_equal(r->note[r->count - 2].file, "initrd");
    assert_int_equal(last(r)->kind, NOTE_FILE_ASKED);
}

static void asking_for_the_same_proves_nothing(void **state)
{
    struct recording *r = *state;
    fetched_but_last_block(r);
    ask_on_another_port(r, "initrd", 1200);
    capture_tick(r->capture, 60000);
    for (size_t i = 0; i < r->count; i++)
        assert_int_not_equal(r->note[i].kind, NOTE_FILE_DONE);
    assert_int_equal(last(r)->total, 14280); /* inherited */
}

static void one_packet_seen_twice(void **state)
{
    struct recording *r = *state;
    send_rrq(r, 1000);
    send_rrq(r, 1000);
    send_oack(r, 1001);
    send_oack(r, 1001);
    assert_true(send_data(r, 11, 200, 1100));
    assert_true(send_data(r, 11, 200, 1100));
    assert_int_equal(r->count, 1);
    capture_tick(r->capture, 1100 + 6000);
    assert_int_equal(last(r)->kind, NOTE_FILE_DONE);
}

static void tsize_probe(void **state)
{
    struct recording *r = *state;
    send_rrq(r, 1000);
    send_oack(r, 1001);
    assert_true(send_udp(r, true, TID, "\0\5\0\0TFTP Aborted", 17, 1002));
    assert_int_equal(last(r)->kind, NOTE_FILE_ABORTED);
    assert_string_equal(last(r)->reason, TFTP_PROBE_REASON ": TFTP Aborted");
    send_rrq(r, 1010); /* ROMs use the same port again */
    assert_int_equal(last(r)->kind, NOTE_FILE_ASKED);
}

static void real_abort(void **state)
{
    struct recording *r = *state;
    send_rrq(r, 1000);
    send_oack(r, 1001);
    assert_true(send_ack(r, 0, 1002));
    assert_true(send_udp(r, true, TID, "\0\5\0\0no\x1b memory", 15, 1003));
    assert_int_equal(last(r)->kind, NOTE_FILE_ABORTED);
    assert_string_equal(last(r)->reason, "error 0: no? memory");
}

static void missing(void **state)
{
    struct recording *r = *state;
    send_rrq(r, 1000);
    assert_true(send_udp(r, false, TID, "\0\5\0\1no such file", 17, 1001));
    assert_int_equal(last(r)->kind, NOTE_FILE_MISSING);
    assert_string_equal(last(r)->file, "initrd");
    assert_int_equal(last(r)->ip.host_order, CLIENT);
}

static void a_stranger_is_ignored(void **state)
{
    struct recording *r = *state;
    fetched_but_last_block(r);
    size_t before = r->count;
    uint8_t ack[4] = {0, 4, 0, 11};
    struct frame f = udp_frame((struct shape){0}, true, TID + 1, PORT, ack, sizeof ack);
    (void)send_frame(r, &f, 1101); /* to another port of the server */
    f = udp_frame((struct shape){0}, true, TID, PORT + 5, ack, sizeof ack);
    (void)send_frame(r, &f, 1102); /* of a transfer nobody asked for */
    assert_int_equal(r->count, before);
}

static void blocks_wrap(void **state)
{
    struct recording *r = *state;
    static const char oack[] = "\0\6tsize\0"
                               "100000000"; /* 512 bytes a block: wraps twice */
    send_rrq(r, 0);
    assert_true(send_udp(r, false, TID, oack, sizeof oack, 1));
    uint64_t blocks = 100000000 / 512 + 1, told = 0;
    for (uint64_t block = 0; block < blocks; block += 64) {
        assert_true(send_ack(r, (uint16_t)block, 10 + block));
        if (last(r)->at_ms == 10 + block && last(r)->kind == NOTE_FILE_PROGRESS) {
            assert_int_equal(last(r)->bytes, block * 512);
            told++;
        }
    }
    assert_true(told > 700 && told <= blocks / 250 + 1); /* four a second, no more */
    assert_true(send_data(r, (uint16_t)blocks, 100000000 % 512, 200000));
    assert_true(send_ack(r, (uint16_t)blocks, 200001));
    assert_int_equal(last(r)->kind, NOTE_FILE_DONE);
    assert_int_equal(last(r)->bytes, 100000000);
}

static void unusual_block_size(void **state)
{
    struct recording *r = *state;
    static const char oack[] = "\0\6tsize\0"
                               "9000\0blksize\0"
                               "777";
    send_rrq(r, 0);
    uint32_t version = capture_filter(r->capture)->version;
    assert_true(send_data(r, 1, 777, 0)); /* not learnt: passes, and is not taken for the last */
    assert_true(send_udp(r, false, TID, oack, sizeof oack, 1));
    assert_true(capture_filter(r->capture)->version > version);
    assert_false(send_data(r, 2, 777, 2));
    assert_true(send_data(r, 12, 9000 - 11 * 777, 3));
    assert_true(send_ack(r, 12, 4));
    assert_int_equal(last(r)->kind, NOTE_FILE_DONE);
    assert_int_equal(last(r)->bytes, 9000);
}

static void tags_and_options(void **state)
{
    struct recording *r = *state;
    struct shape shapes[] = {{1, 0}, {0, 40}, {1, 12}};
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        struct frame f = udp_frame(shapes[i], true, 69, (uint16_t)(PORT + i), RRQ, sizeof RRQ);
        assert_true(send_frame(r, &f, 0));
        assert_int_equal(r->count, i + 1);
    }
    struct frame f = udp_frame((struct shape){0}, true, 69, PORT + 9, RRQ, sizeof RRQ);
    f.bytes[14 + 7] = 1; /* a later fragment */
    assert_false(send_frame(r, &f, 0));
    capture_packet(r->capture, f.bytes, f.size, f.size, 0);
    assert_int_equal(r->count, ARRAY_SIZE(shapes));
}

static void tables_are_bounded(void **state)
{
    struct recording *r = *state;
    for (uint32_t i = 0; i < 3 * FLOWS_MAX; i++) {
        struct frame f =
            udp_frame((struct shape){0}, true, 69, (uint16_t)(1000 + i), RRQ, sizeof RRQ);
        f.bytes[26] = 10;
        f.bytes[27] = (uint8_t)(i >> 10); /* several of each client */
        f.bytes[28] = (uint8_t)(i >> 2);
        r->count = 0;
        capture_packet(r->capture, f.bytes, f.size, f.size, i);
        assert_int_equal(r->count, 1);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(recorded_boot),
        TEST(recorded_boot_golden),
        TEST(filter_sees_the_recorded_boot),
        TEST(rejects_the_bulk),
        TEST(done_by_ack),
        TEST(done_by_ack_of_a_last_block_that_looks_full),
        TEST(done_by_silence),
        TEST(never_done_if_sent_again),
        TEST(failed_if_given_up),
        TEST(done_if_sent_again_and_acknowledged),
        TEST(done_by_moving_on),
        TEST(asking_for_the_same_proves_nothing),
        TEST(one_packet_seen_twice),
        TEST(tsize_probe),
        TEST(real_abort),
        TEST(missing),
        TEST(a_stranger_is_ignored),
        TEST(blocks_wrap),
        TEST(unusual_block_size),
        TEST(tags_and_options),
        TEST(tables_are_bounded),
    };
    return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
