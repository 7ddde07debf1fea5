/* DHCP, TFTP, ARP and notes: bytes in, values out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "proto/arp.h"
#include "proto/cleanup.h"
#include "proto/dhcp.h"
#include "proto/note.h"
#include "proto/tftp.h"

struct message {
    uint8_t bytes[600];
    size_t size;
};

enum { SNAME_AT = 44, FILE_AT = 108, OPTIONS_AT = 240 };

static struct message message_new(uint8_t op)
{
    struct message m = {.size = OPTIONS_AT};
    memcpy(m.bytes, (uint8_t[]){op, 1, 6, 0, 0x12, 0x34, 0x56, 0x78}, 8);
    memcpy(m.bytes + 28, (uint8_t[]){0x52, 0x54, 0, 0xaa, 0, 1}, 6);
    memcpy(m.bytes + 236, (uint8_t[]){99, 130, 83, 99}, 4);
    return m;
}

static void add(struct message *m, uint8_t code, const char *bytes, size_t size)
{
    m->bytes[m->size++] = code;
    m->bytes[m->size++] = (uint8_t)size;
    memcpy(m->bytes + m->size, bytes, size);
    m->size += size;
}

static struct dhcp decode(const struct message *m)
{
    struct dhcp dhcp;
    struct err err = {0};
    assert_int_equal(dhcp_decode(m->bytes, m->size, &dhcp, &err), 0);
    return dhcp;
}

static void dhcp_classes(void **state)
{
    (void)state;
    static const struct {
        const char *vendor, *user;
        bool has_175;
        enum dhcp_class class;
    } rows[] = {
        {"PXEClient:Arch:00000:UNDI:002001", "", false, CLASS_ROM},
        {"PXEClient:Arch:00007:UNDI:003016", "iPXE", false, CLASS_IPXE},
        {"PXEClient:Arch:00007:UNDI:003016", "\x04iPXE", false, CLASS_IPXE},
        {"PXEClient:Arch:00007:UNDI:003016", "", true, CLASS_IPXE},
        {"Etherboot-5.4", "gPXE", false, CLASS_IPXE},
        {"Etherboot-5.4", "", false, CLASS_ROM},
        {"HTTPClient:Arch:00016:UNDI:003016", "", false, CLASS_HTTP},
        {"udhcp 1.35.0", "", false, CLASS_OS},
        {"U-Boot.armv8", "", false, CLASS_OS},
        {"", "", false, CLASS_OS},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct message m = message_new(1);
        add(&m, 53, "\1", 1);
        if (*rows[i].vendor)
            add(&m, 60, rows[i].vendor, strlen(rows[i].vendor));
        if (*rows[i].user)
            add(&m, 77, rows[i].user, strlen(rows[i].user));
        if (rows[i].has_175)
            add(&m, 175, "\1\1\1", 3);
        struct dhcp dhcp = decode(&m);
        assert_int_equal(dhcp.class, rows[i].class);
        assert_int_equal(dhcp.type, DHCP_DISCOVER);
        assert_int_equal(dhcp.xid, 0x12345678);
        assert_int_equal(dhcp.mac.byte[5], 1);
    }
}

static void dhcp_fields(void **state)
{
    (void)state;
    struct message m = message_new(2);
    add(&m, 53, "\5", 1);
    add(&m, 54, "\x0a\0\0\1", 4);
    add(&m, 50, "\x0a\0\0\x09", 4);
    add(&m, 93, "\0\7", 2);
    add(&m, 97,
        "\0"
        "0123456789abcdef",
        17);
    add(&m, 66, "10.0.0.1", 8);
    add(&m, 82, "\1\1x", 3);
    add(&m, 67, "dir/a\nb", 7);
    m.bytes[m.size++] = 255;
    struct dhcp dhcp = decode(&m);
    assert_true(dhcp.reply && dhcp.relayed && dhcp.has_uuid);
    assert_int_equal(dhcp.type, DHCP_ACK);
    assert_int_equal(dhcp.class, CLASS_UNKNOWN); /* a reply only echoes */
    assert_int_equal(dhcp.server.host_order, 0x0a000001);
    assert_int_equal(dhcp.requested.host_order, 0x0a000009);
    assert_int_equal(dhcp.arch, 7);
    assert_memory_equal(dhcp.uuid, "0123456789abcdef", 16);
    assert_string_equal(dhcp.server_name, "10.0.0.1");
    assert_string_equal(dhcp.file, "dir/a?b");
}

static void dhcp_overload_and_parts(void **state)
{
    (void)state;
    struct message m = message_new(2);
    add(&m, 67, "first-", 6);
    add(&m, 52, "\3", 1);
    add(&m, 53, "\2", 1);
    memcpy(m.bytes + FILE_AT, "\x43\7second-\xff", 10); /* 67, again */
    memcpy(m.bytes + SNAME_AT, "\x43\5third\xff", 8);
    assert_string_equal(decode(&m).file, "first-second-third");
    assert_string_equal(decode(&m).server_name, "");
}

static void dhcp_cut_short(void **state)
{
    (void)state;
    struct message m = message_new(1);
    add(&m, 53, "\3", 1);
    add(&m, 60, "PXEClient:Arch:00000:UNDI:002001", 32);
    size_t whole = m.size;
    m.size = whole - 1; /* the cut option counts as not said */
    assert_string_equal(decode(&m).vendor_class, "");
    assert_int_equal(decode(&m).type, DHCP_REQUEST);
    m.size = 236; /* BOOTP of 1985 */
    assert_int_equal(decode(&m).type, DHCP_BOOTP);
    assert_int_equal(decode(&m).class, CLASS_UNKNOWN);
    struct dhcp dhcp = {.xid = 7};
    struct err err = {0};
    for (size_t size = 0; size < 236; size++)
        assert_int_equal(dhcp_decode(m.bytes, size, &dhcp, &err), -1);
    assert_int_equal(dhcp.xid, 7);
    assert_int_equal(err.kind, ERR_PROTOCOL);
}

static int tftp(const char *bytes, size_t size, struct tftp *out)
{
    return tftp_decode(bytes, size, size, out, NULL);
}
#define TFTP(text, out) tftp(text, sizeof(text) - 1, out)

static void tftp_packets(void **state)
{
    (void)state;
    struct tftp p;
    assert_int_equal(TFTP("\0\1a/b\0OCTET\0TSIZE\0"
                          "0\0blksize\0"
                          "1468\0windowsize\0"
                          "8\0timeout\0"
                          "5\0",
                          &p),
                     0);
    assert_int_equal(p.op, TFTP_RRQ);
    assert_string_equal(p.file, "a/b");
    assert_true(p.has_tsize && p.tsize == 0 && p.blksize == 1468 && p.windowsize == 8);
    assert_int_equal(p.timeout_s, 5);
    assert_int_equal(TFTP("\0\6tsize\0"
                          "99999999999\0blksize\0"
                          "7\0",
                          &p),
                     0);
    assert_true(p.tsize == 99999999999 && p.blksize == 0); /* 7 is less than allowed */
    assert_int_equal(TFTP("\0\6tsize\0"
                          "-1\0blksize\0"
                          "65465\0",
                          &p),
                     0);
    assert_true(!p.has_tsize && p.blksize == 0);
    assert_int_equal(TFTP("\0\4\xff\xfe", &p), 0);
    assert_int_equal(p.block, 0xfffe);
    assert_int_equal(tftp_decode("\0\3\0\2xx", 6, 1416, &p, NULL), 0);
    assert_int_equal(p.data_size, 1412);
    assert_int_equal(TFTP("\0\5\0\1no", &p), 0); /* without its NUL */
    assert_true(p.error == 1 && !strcmp(p.text, "no"));
    static const char *const bad[] = {"\0\1\0octet", "\0\1x\0", "\0\1x\0mail", "\0\7", "\0\4\0"};
    static const size_t sizes[] = {9, 4, 9, 2, 3};
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(tftp(bad[i], sizes[i], &p), -1);
}

static void arp_packets(void **state)
{
    (void)state;
    uint8_t rarp[28] = {0,  1, 8, 0, 6, 4, 0, 4, 2, 0, 0,  0, 0, 1,
                        10, 0, 0, 1, 2, 0, 0, 0, 0, 9, 10, 0, 0, 9};
    struct arp arp;
    assert_int_equal(arp_decode(rarp, sizeof rarp, &arp, NULL), 0);
    assert_int_equal(arp.op, RARP_REPLY);
    assert_int_equal(arp.target_ip.host_order, 0x0a000009);
    assert_int_equal(arp.target_mac.byte[5], 9);
    assert_int_equal(arp_decode(rarp, 27, &arp, NULL), -1);
    rarp[7] = 5;
    assert_int_equal(arp_decode(rarp, sizeof rarp, &arp, NULL), -1);
}

static void note_round_trip(void **state)
{
    (void)state;
    for (int kind = 0; kind < NOTE_KINDS; kind++) {
        struct note note = {.kind = (enum note_kind)kind,
                            .source = NOTE_LOG,
                            .class = CLASS_IPXE,
                            .mac = {{2, 0, 0, 0, 0, 1}},
                            .ip = {0x0a000001},
                            .server = {0x0a000002},
                            .port = 65535,
                            .xid = UINT32_MAX,
                            .bytes = 1ULL << 40,
                            .total = INT64_MAX};
        memset(note.file, '"', sizeof note.file - 1);
        memset(note.reason, '\\', sizeof note.reason - 1);
        char line[NOTE_LINE_SIZE];
        struct note again;
        size_t length = note_encode(&note, line);
        assert_int_equal(length, strlen(line));
        assert_int_equal(line[length - 1], '\n');
        struct err err = {0};
        if (note_decode(line, &again, &err))
            fail_msg("%s", err.text);
        assert_memory_equal(&note, &again, sizeof note);
    }
}

static void note_is_clean_and_short(void **state)
{
    (void)state;
    struct note note = {.kind = NOTE_ARP, .at_ms = 99};
    char line[NOTE_LINE_SIZE];
    (void)note_encode(&note, line);
    assert_string_equal(line, "{\"kind\":\"arp\"}\n");
    (void)snprintf(note.file, sizeof note.file, "a\n\x1b\xff");
    (void)note_encode(&note, line);
    assert_string_equal(line, "{\"kind\":\"arp\",\"file\":\"a???\"}\n");
}

static void note_is_strict(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "x",
        "[]",
        "{}",
        "{\"kind\":\"nosuch\"}",
        "{\"kind\":7}",
        "{\"kind\":\"arp\",\"kind\":\"arp\"}",
        "{\"kind\":\"arp\",\"at_ms\":1}",
        "{\"kind\":\"arp\",\"port\":65536}",
        "{\"kind\":\"arp\",\"port\":-1}",
        "{\"kind\":\"arp\",\"port\":1.5}",
        "{\"kind\":\"arp\",\"port\":\"1\"}",
        "{\"kind\":\"arp\",\"xid\":4294967296}",
        "{\"kind\":\"arp\",\"mac\":\"x\"}",
        "{\"kind\":\"arp\",\"ip\":\"10.0.0\"}",
        "{\"kind\":\"arp\",\"file\":7}",
        "{\"kind\":\"arp\"} {}",
        "{\"kind\":\"arp\",\"reason\":null}",
    };
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct note note = {.xid = 7};
        struct err err = {0};
        if (!note_decode(bad[i], &note, &err))
            fail_msg("taken: %s", bad[i]);
        assert_int_equal(err.kind, ERR_PROTOCOL);
        assert_int_equal(note.xid, 7);
    }
    char line[1024] = "{\"kind\":\"arp\",\"file\":\"";
    memset(line + strlen(line), 'x', NOTE_FILE_SIZE);
    memcpy(line + strlen(line), "\"}", 3);
    struct note note;
    assert_int_equal(note_decode(line, &note, NULL), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dhcp_classes),
        cmocka_unit_test(dhcp_fields),
        cmocka_unit_test(dhcp_overload_and_parts),
        cmocka_unit_test(dhcp_cut_short),
        cmocka_unit_test(tftp_packets),
        cmocka_unit_test(arp_packets),
        cmocka_unit_test(note_round_trip),
        cmocka_unit_test(note_is_clean_and_short),
        cmocka_unit_test(note_is_strict),
    };
    return cmocka_run_group_tests_name("evidence codecs", tests, NULL, NULL);
}
