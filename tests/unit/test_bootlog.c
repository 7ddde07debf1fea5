/* Log lines of real boot servers (tests/data/boot-samples) against what they should tell.
 * GOLDEN=write rewrites the golden files; the diff is the review. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/bootlog.h"
#include "proto/cleanup.h"
#include "proto/tftp.h"

static const char *const samples[] = {
    "dnsmasq-default-nologdhcp",
    "dnsmasq-logdhcp-all-profiles",
    "dnsmasq-dhcpscript-bootchain",
    "dnsmasq-dhcp-failures",
    "dnsmasq-bootp-dynamic",
    "dnsmasq-tftp-max2",
    "iscdhcpd-syslog-traditional",
    "iscdhcpd-syslog-rfc3339",
    "kea-info",
    "tftpd-hpa-vvv-syslog-traditional",
    "atftpd-verbose7-syslog-traditional",
    "rarpd",
    "nginx-access-combined",
};

static void read_sample(FILE *in, FILE *out)
{
    _cleanup_(freep) struct bootlog *log = calloc(1, sizeof *log);
    char line[BOOTLOG_LINE_MAX], json[NOTE_LINE_SIZE];
    while (fgets(line, sizeof line, in)) {
        struct note note;
        line[strcspn(line, "\n")] = '\0';
        if (!bootlog_line(log, line, &note))
            continue;
        assert_int_equal(note.source, NOTE_LOG);
        (void)note_encode(&note, json);
        (void)fprintf(out, "%s\n    -> %s", line, json);
    }
}

static char *read_all(const char *path)
{
    _cleanup_(fclosep) FILE *file = fopen(path, "r");
    if (!file)
        return NULL;
    char *text = calloc(1, 1 << 20);
    assert_non_null(text);
    assert_true(fread(text, 1, (1 << 20) - 1, file) < (1 << 20) - 1);
    return text;
}

static void check_sample(void **state)
{
    const char *name = *state;
    char path[256];
    _cleanup_(freep) char *text = NULL;
    size_t size;
    (void)snprintf(path, sizeof path, "tests/data/boot-samples/%s.log", name);
    FILE *in = fopen(path, "r"), *out = open_memstream(&text, &size);
    assert_non_null(in);
    assert_non_null(out);
    read_sample(in, out);
    (void)fclose(in);
    assert_int_equal(fclose(out), 0);
    (void)snprintf(path, sizeof path, "tests/golden/bootlog/%s.notes", name);
    if (getenv("GOLDEN")) {
        FILE *golden = fopen(path, "w");
        assert_non_null(golden);
        assert_int_equal(fwrite(text, 1, size, golden), size);
        assert_int_equal(fclose(golden), 0);
    }
    _cleanup_(freep) char *expected = read_all(path);
    assert_non_null(expected);
    assert_string_equal(text, expected);
}

/* One line, by a log that knows nothing yet. */
static bool one(const char *line, struct note *note)
{
    _cleanup_(freep) struct bootlog *log = calloc(1, sizeof *log);
    memset(note, 0xee, sizeof *note);
    return bootlog_line(log, line, note);
}

static void assert_ip(struct ipv4 ip, const char *expected)
{
    char text[IPV4_TEXT_SIZE];
    ipv4_format(ip, text);
    assert_string_equal(text, expected);
}

static void one_line_in_every_dress(void **state)
{
    (void)state;
    static const char *const dresses[] = {
        "Nov 22 14:14:29 dnsmasq-dhcp[27602]: ",
        "Nov  2 14:14:29 dnsmasq-dhcp[27602]: ",
        "Nov 22 14:14:29 boot1 dnsmasq-dhcp[27602]: ",
        "2026-11-22T14:25:29.424742+00:00 boot1 dnsmasq-dhcp[1]: ",
        "2026-11-22T14:25:29Z dnsmasq-dhcp[1]: ",
        "1795359298.856873 dnsmasq-dhcp[30443]: ",
        "dnsmasq-dhcp[30443]: ",
        "boot1 dnsmasq-dhcp: ",
    };
    for (size_t i = 0; i < ARRAY_SIZE(dresses); i++) {
        char line[256];
        struct note note;
        (void)snprintf(line, sizeof line, "%sDHCPACK(eth1) 10.77.0.11 52:54:00:aa:00:01 node01",
                       dresses[i]);
        assert_true(one(line, &note));
        assert_int_equal(note.kind, NOTE_DHCP_ACK);
        assert_int_equal(note.class, CLASS_UNKNOWN);
        assert_ip(note.ip, "10.77.0.11");
        assert_string_equal(note.reason, "");
    }
}

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *line, *reason;
        enum note_kind kind;
    } rows[] = {
        {"DHCPDISCOVER(eth1) 52:54:00:aa:11:23 no address available", "no address available",
         NOTE_DHCP_REFUSED},
        {"DHCPDISCOVER(eth1) 52:54:00:aa:11:23 ignored", "ignored", NOTE_DHCP_REFUSED},
        {"DHCPDISCOVER(eth1) 10.0.0.9 52:54:00:aa:11:23 ", "", NOTE_DHCP_DISCOVER},
        {"DHCPNAK(eth1) 10.99.0.5 52:54:00:aa:00:01 wrong network", "wrong network", NOTE_DHCP_NAK},
        {"BOOTP(eth1) 52:54:00:aa:00:77 no address configured", "no address configured",
         NOTE_DHCP_REFUSED},
        {"BOOTP(eth1) 1:2:3:4:5:6", "", NOTE_DHCP_REFUSED}, /* once read 17 bytes of it */
        {"BOOTP(eth1) 0.0.0.0 52:54:0:aa:0:1 disabled", "disabled", NOTE_DHCP_REFUSED},
        {"BOOTP(eth1) 10.77.0.11 52:54:00:aa:00:01 ", "", NOTE_BOOTP_REPLY},
        {"PXE(eth1) 52:54:00:aa:00:01 proxy", "proxy", NOTE_DHCP_OFFER},
        {"no address range available for DHCP request via eth1",
         "no address range available for DHCP request via eth1", NOTE_DHCP_REFUSED},
        {"DHCPRELEASE(eth1) 10.77.0.11 52:54:00:aa:00:01", "", NOTE_DHCP_RELEASE},
    };
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char line[256];
        struct note note;
        (void)snprintf(line, sizeof line, "Nov 22 14:14:29 dnsmasq-dhcp[1]: %s", rows[i].line);
        assert_true(one(line, &note));
        assert_int_equal(note.kind, rows[i].kind);
        assert_string_equal(note.reason, rows[i].reason);
    }
}

static void no_note(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "",
        " ",
        "Nov 22 14:14:29 dnsmasq[1]: query[A] example.org from 10.0.0.1",
        "Nov 22 14:14:29 dnsmasq-dhcp[1]: DHCPINFORM(eth1) 10.77.0.11 52:54:00:aa:00:01",
        "Nov 22 14:14:29 dnsmasq-dhcp[1]: DHCPACK(eth1) 10.77.0.11",
        "Nov 22 14:14:29 dnsmasq-dhcp[1]: DHCPACK(eth1 10.77.0.11 52:54:00:aa:00:01",
        "Nov 22 14:14:29 dnsmasq-tftp[1]: sent /x to 10.77.0.11 and more",
        "Nov 22 14:14:29 dnsmasq-tftp[1]: sent /x to 10.77.0.999",
        "Nov 22 14:14:29 dnsmasq-tftp[1]: TFTP root is /srv/tftp  ",
        "Nov 22 14:14:29 vm sshd[1]: dnsmasq-dhcp[1]: DHCPACK(eth1) 10.77.0.11 52:54:00:aa:00:01",
        "99999999999999999999999.1 dnsmasq-dhcp[1]: DHCPACK(eth1) 10.77.0.11 52:54:00:aa:00:01x",
    };
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        struct note note;
        if (one(lines[i], &note))
            fail_msg("a note of '%s'", lines[i]);
    }
}

/* A file may be called anything: the client names it. */
static void names_are_foreign(void **state)
{
    (void)state;
    struct note note;
    assert_true(
        one("dnsmasq-tftp[1]: file /srv/a\x1b[2J not found for 10.6.6.6 not found for 10.77.0.11",
            &note));
    assert_int_equal(note.kind, NOTE_FILE_MISSING);
    assert_ip(note.ip, "10.77.0.11");
    assert_string_equal(note.file, "/srv/a?[2J not found for 10.6.6.6");

    char line[3000], *at = stpcpy(line, "dnsmasq-tftp[1]: sent /");
    memset(at, 'a', 2000);
    (void)stpcpy(at + 2000, " to 10.77.0.11");
    assert_true(one(line, &note));
    assert_int_equal(strlen(note.file), NOTE_FILE_SIZE - 1);
}

static void aborts(void **state)
{
    (void)state;
    _cleanup_(freep) struct bootlog *log = calloc(1, sizeof *log);
    struct note note;
    /* 2.90: `sent` after an error means that nothing was fetched. */
    assert_false(
        bootlog_line(log, "dnsmasq-tftp[1]: error 0 TFTP Aborted received from 10.0.0.1", &note));
    assert_true(bootlog_line(log, "dnsmasq-tftp[1]: sent /srv/f to 10.0.0.1", &note));
    assert_int_equal(note.kind, NOTE_FILE_ABORTED);
    assert_string_equal(note.reason, TFTP_PROBE_REASON ": TFTP Aborted");
    /* ... and only once: the next is the file itself. */
    assert_true(bootlog_line(log, "dnsmasq-tftp[1]: sent /srv/f to 10.0.0.1", &note));
    assert_int_equal(note.kind, NOTE_FILE_SENT);
    assert_string_equal(note.reason, "");
    /* 2.92 says `failed sending` of both. */
    assert_false(
        bootlog_line(log, "dnsmasq-tftp[1]: error 3 disk full received from 10.0.0.1", &note));
    assert_true(bootlog_line(log, "dnsmasq-tftp[1]: failed sending /srv/f to 10.0.0.1", &note));
    assert_int_equal(note.kind, NOTE_FILE_ABORTED);
    assert_string_equal(note.reason, "error 3: disk full");
    /* Somebody else's line in between: the two do not belong together. */
    assert_false(bootlog_line(log, "dnsmasq-tftp[1]: error 0 x received from 10.0.0.1", &note));
    assert_true(bootlog_line(log, "dnsmasq-tftp[1]: sent /srv/f to 10.0.0.2", &note));
    assert_int_equal(note.kind, NOTE_FILE_SENT);
    assert_true(bootlog_line(log, "dnsmasq-tftp[1]: failed sending /srv/f to 10.0.0.1", &note));
    assert_int_equal(note.kind, NOTE_FILE_FAILED);
    assert_true(bootlog_line(log, "dnsmasq-tftp[1]: timeout sending /srv/f to 10.0.0.1", &note));
    assert_int_equal(note.kind, NOTE_FILE_FAILED);
    assert_string_equal(note.reason, "timeout");
}

static void cannot_access(void **state)
{
    (void)state;
    struct note note;
    assert_true(one("dnsmasq-tftp[1]: cannot access /srv/no:perm: Permission denied", &note));
    assert_int_equal(note.kind, NOTE_FILE_MISSING);
    assert_false(ipv4_known(note.ip));
    assert_string_equal(note.file, "/srv/no:perm");
    assert_string_equal(note.reason, "Permission denied");
}

static enum dhcp_class class_after(struct bootlog *log, const char *first, const char *second)
{
    struct note note;
    char line[256];
    (void)snprintf(line, sizeof line, "dnsmasq-dhcp[1]: 77 %s", first);
    assert_false(bootlog_line(log, line, &note));
    if (second) {
        (void)snprintf(line, sizeof line, "dnsmasq-dhcp[1]: 77 %s", second);
        assert_false(bootlog_line(log, line, &note));
    }
    assert_true(
        bootlog_line(log, "dnsmasq-dhcp[1]: 77 DHCPDISCOVER(eth1) 52:54:00:aa:00:01 ", &note));
    assert_int_equal(note.xid, 77);
    return note.class;
}

static void classes_by_xid(void **state)
{
    (void)state;
    _cleanup_(freep) struct bootlog *log = calloc(1, sizeof *log);
    struct note note;
    assert_true(
        bootlog_line(log, "dnsmasq-dhcp[1]: 77 DHCPDISCOVER(eth1) 52:54:00:aa:00:01 ", &note));
    assert_int_equal(note.class, CLASS_UNKNOWN); /* the follower began in the middle */
    const char *begin = "available DHCP range: 10.0.0.1 -- 10.0.0.9";
    assert_int_equal(class_after(log, begin, "vendor class: PXEClient:Arch:00000"), CLASS_ROM);
    assert_int_equal(class_after(log, "user class: iPXE", NULL), CLASS_IPXE);
    assert_int_equal(class_after(log, begin, NULL), CLASS_OS);
    assert_int_equal(class_after(log, begin, "vendor class: HTTPClient:Arch:00016"), CLASS_HTTP);
    assert_int_equal(class_after(log, begin, "vendor class: udhcp 1.35.0"), CLASS_OS);
}

static void mounts(void **state)
{
    (void)state;
    struct note note;
    assert_true(one("Nov 22 14:14:29 boot1 rpc.mountd[9]: authenticated mount request from "
                    "10.77.0.50:780 for /srv/nfsroot (/srv/nfsroot)",
                    &note));
    assert_int_equal(note.kind, NOTE_NFS_MOUNT);
    assert_ip(note.ip, "10.77.0.50");
    assert_string_equal(note.file, "/srv/nfsroot");
}

int main(void)
{
    struct CMUnitTest tests[ARRAY_SIZE(samples) + 8] = {
        cmocka_unit_test(one_line_in_every_dress),
        cmocka_unit_test(refusals),
        cmocka_unit_test(no_note),
        cmocka_unit_test(names_are_foreign),
        cmocka_unit_test(aborts),
        cmocka_unit_test(cannot_access),
        cmocka_unit_test(classes_by_xid),
        cmocka_unit_test(mounts),
    };
    for (size_t i = 0; i < ARRAY_SIZE(samples); i++)
        tests[8 + i] = (struct CMUnitTest){.name = samples[i],
                                           .test_func = check_sample,
                                           .initial_state = (void *)(uintptr_t)samples[i]};
    return cmocka_run_group_tests_name("bootlog", tests, NULL, NULL);
}
