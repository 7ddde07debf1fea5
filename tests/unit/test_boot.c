/* The stage machine: its matrix as a golden file, and boots told as stories of notes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/core/boot.h"
#include "proto/cleanup.h"

static const struct deadlines patience = {
    .post = 600000,
    .addressed = 90000,
    .loader = 30000,
    .loader_up = 60000,
    .config = 60000,
    .kernel = 60000,
    .initrd = 60000,
    .kernel_up = 180000,
    .root = 120000,
    .up = 300000,
    .stall = 30000,
    .missing = 5000,
};

static const char *cell_name(int cell)
{
    switch (cell) {
    case -1:
        return "______";
    case -2:
        return "again";
    case -3:
        return "LOCAL";
    case -4:
        return "stuck";
    default:
        return stage_name((enum stage)cell);
    }
}

/* A changed cell is a one-word diff in review. GOLDEN=write rewrites the file. */
static void matrix_is_the_golden_one(void **state)
{
    (void)state;
    _cleanup_(freep) char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    for (int stage = 0; stage < STAGES; stage++)
        for (int sign = 0; sign < SIGNS; sign++)
            (void)fprintf(out, "%-9s %-8s %s\n", stage_name((enum stage)stage),
                          sign_name((enum sign)sign),
                          cell_name(boot_cell((enum stage)stage, (enum sign)sign)));
    assert_int_equal(fclose(out), 0);

    const char *path = "tests/golden/boot-matrix.txt";
    if (getenv("GOLDEN")) {
        _cleanup_(fclosep) FILE *file = fopen(path, "w");
        assert_non_null(file);
        assert_true(fputs(text, file) >= 0);
        return;
    }
    _cleanup_(fclosep) FILE *file = fopen(path, "r");
    assert_non_null(file);
    _cleanup_(freep) char *golden = calloc(1, size + 2);
    assert_non_null(golden);
    size_t read = fread(golden, 1, size + 1, file);
    assert_int_equal(read, size);
    assert_string_equal(golden, text);
}

/* ---- stories ---- */

struct story {
    uint64_t now_ms;
    struct boot boot;
};

static void begin(struct story *story)
{
    *story = (struct story){.now_ms = 1000};
    boot_begin(&story->boot, true);
    assert_true(boot_step(&story->boot, SIGN_POWER, &patience, story->now_ms));
}

static bool see(struct story *story, struct note note)
{
    story->now_ms += 100;
    return boot_see(&story->boot, &note, &patience, story->now_ms);
}

static bool dhcp(struct story *story, enum note_source source, enum note_kind kind,
                 enum dhcp_class class)
{
    return see(story, (struct note){.source = source, .kind = kind, .class = class});
}

static bool file(struct story *story, enum note_kind kind, const char *name, uint16_t port,
                 uint64_t bytes, uint64_t total)
{
    struct note note = {
        .source = NOTE_CAPTURE, .kind = kind, .port = port, .bytes = bytes, .total = total};
    (void)snprintf(note.file, sizeof note.file, "%s", name);
    return see(story, note);
}

static void logged(struct story *story, enum note_kind kind, const char *name, const char *reason)
{
    struct note note = {.source = NOTE_LOG, .kind = kind};
    (void)snprintf(note.file, sizeof note.file, "%s", name);
    (void)snprintf(note.reason, sizeof note.reason, "%s", reason);
    (void)see(story, note);
}

static void fetch(struct story *story, const char *name, uint16_t port)
{
    (void)file(story, NOTE_FILE_ASKED, name, port, 0, 1000);
    (void)file(story, NOTE_FILE_PROGRESS, name, port, 500, 1000);
    (void)file(story, NOTE_FILE_DONE, name, port, 1000, 1000);
}

static void miss_deadline(struct story *story)
{
    story->now_ms = story->boot.deadline_ms;
    assert_true(boot_step(&story->boot, SIGN_NOTHING, &patience, story->now_ms));
}

#define assert_stage(story, wanted)                                                                \
    assert_string_equal(stage_name((story)->boot.stage), stage_name(wanted))
#define assert_verdict(story, wanted)                                                              \
    assert_string_equal(verdict_name((story)->boot.verdict), verdict_name(wanted))

static void to_addressed(struct story *story)
{
    begin(story);
    (void)dhcp(story, NOTE_CAPTURE, NOTE_DHCP_DISCOVER, CLASS_ROM);
    assert_stage(story, STAGE_POST);
    (void)dhcp(story, NOTE_CAPTURE, NOTE_DHCP_ACK, CLASS_UNKNOWN);
    assert_stage(story, STAGE_ADDRESSED);
}

static void a_whole_boot_by_packets(void **state)
{
    (void)state;
    struct story story;
    to_addressed(&story);
    fetch(&story, "undionly.kpxe", 2001);
    assert_stage(&story, STAGE_LOADER);
    (void)dhcp(&story, NOTE_CAPTURE, NOTE_DHCP_DISCOVER, CLASS_IPXE);
    assert_stage(&story, STAGE_LOADER_UP);
    fetch(&story, "boot.ipxe", 2002);
    assert_stage(&story, STAGE_CONFIG);
    (void)file(&story, NOTE_FILE_ASKED, "vmlinuz", 2003, 0, 1000);
    assert_true(file(&story, NOTE_FILE_PROGRESS, "vmlinuz", 2003, 430, 1000));
    assert_int_equal(boot_percent(&story.boot), 43);
    (void)file(&story, NOTE_FILE_DONE, "vmlinuz", 2003, 1000, 1000);
    assert_stage(&story, STAGE_KERNEL);
    fetch(&story, "initrd.gz", 2004);
    assert_stage(&story, STAGE_INITRD);
    (void)dhcp(&story, NOTE_CAPTURE, NOTE_DHCP_DISCOVER, CLASS_OS);
    assert_stage(&story, STAGE_KERNEL_UP);
    (void)see(&story, (struct note){.source = NOTE_PHONE_HOME, .kind = NOTE_PHONED_HOME});
    assert_stage(&story, STAGE_UP);
    assert_int_equal(story.boot.deadline_ms, UINT64_MAX);
}

/* dnsmasq without log-dhcp: no class, no start, "sent" as a claim. */
static void a_whole_boot_by_logs(void **state)
{
    (void)state;
    struct story story;
    begin(&story);
    (void)dhcp(&story, NOTE_LOG, NOTE_DHCP_DISCOVER, CLASS_UNKNOWN);
    (void)dhcp(&story, NOTE_LOG, NOTE_DHCP_ACK, CLASS_UNKNOWN);
    assert_stage(&story, STAGE_ADDRESSED);
    logged(&story, NOTE_FILE_SENT, "/srv/tftp/undionly.kpxe", "");
    assert_stage(&story, STAGE_LOADER);
    (void)dhcp(&story, NOTE_LOG, NOTE_DHCP_DISCOVER, CLASS_UNKNOWN);
    assert_stage(&story, STAGE_LOADER_UP);
    logged(&story, NOTE_FILE_SENT, "/srv/tftp/vmlinuz", "");
    assert_stage(&story, STAGE_KERNEL);
    logged(&story, NOTE_FILE_SENT, "/srv/tftp/initrd.img", "");
    (void)dhcp(&story, NOTE_LOG, NOTE_DHCP_DISCOVER, CLASS_UNKNOWN);
    assert_stage(&story, STAGE_KERNEL_UP);
}

static void nothing_counts_before_the_power_edge(void **state)
{
    (void)state;
    struct story story = {.now_ms = 1000};
    boot_begin(&story.boot, true);
    fetch(&story, "vmlinuz", 1);
    assert_false(dhcp(&story, NOTE_CAPTURE, NOTE_DHCP_DISCOVER, CLASS_ROM));
    (void)see(&story, (struct note){.source = NOTE_PHONE_HOME, .kind = NOTE_PHONED_HOME});
    assert_stage(&story, STAGE_NONE);
}

static void an_os_without_a_loader_came_from_the_disk(void **state)
{
    (void)state;
    struct story story;
    begin(&story);
    (void)dhcp(&story, NOTE_CAPTURE, NOTE_DHCP_DISCOVER, CLASS_OS);
    assert_verdict(&story, VERDICT_BOOTED_LOCAL);
    to_addressed(&story);
    (void)see(&story, (struct note){.source = NOTE_PROBE, .kind = NOTE_PORT_OPEN});
    assert_verdict(&story, VERDICT_BOOTED_LOCAL);
}

/* Just after a reset the old system's sshd still answers. */
static void an_open_port_counts_only_after_it_was_closed(void **state)
{
    (void)state;
    struct story story;
    begin(&story);
    (void)see(&story, (struct note){.source = NOTE_PROBE, .kind = NOTE_PORT_OPEN});
    assert_verdict(&story, VERDICT_NONE);
    (void)see(&story, (struct note){.source = NOTE_PROBE, .kind = NOTE_PORT_CLOSED});
    (void)see(&story, (struct note){.source = NOTE_PROBE, .kind = NOTE_PORT_OPEN});
    assert_verdict(&story, VERDICT_BOOTED_LOCAL);
}

static void each_silence_has_its_verdict(void **state)
{
    (void)state;
    static const struct {
        enum sign last;
        enum verdict verdict;
    } silences[] = {
        {SIGN_POWER, VERDICT_NO_NETBOOT},         {SIGN_ASKS, VERDICT_DHCP_UNANSWERED},
        {SIGN_ADDRESS, VERDICT_LOADER_NOT_ASKED}, {SIGN_LOADER, VERDICT_LOADER_DEAD},
        {SIGN_SPEAKS, VERDICT_LOADER_DEAD},       {SIGN_CONFIG, VERDICT_KERNEL_NOT_ASKED},
        {SIGN_KERNEL, VERDICT_KERNEL_SILENT},     {SIGN_INITRD, VERDICT_KERNEL_SILENT},
        {SIGN_SYSTEM, VERDICT_INIT_SILENT},       {SIGN_ROOT, VERDICT_INIT_SILENT},
    };
    for (size_t i = 0; i < ARRAY_SIZE(silences); i++) {
        struct story story;
        begin(&story);
        for (size_t j = 1; j <= i; j++)
            (void)boot_step(&story.boot, silences[j].last, &patience, story.now_ms);
        miss_deadline(&story);
        assert_verdict(&story, silences[i].verdict);
    }
}

static void a_missing_file_is_named_soon(void **state)
{
    (void)state;
    struct story story;
    to_addressed(&story);
    (void)file(&story, NOTE_FILE_MISSING, "nosuch.0", 1, 0, 0);
    assert_int_equal(story.boot.deadline_ms, story.now_ms + patience.missing);
    logged(&story, NOTE_FILE_MISSING, "/srv/tftp/nosuch.0", ""); /* the log repeats it: no grace */
    assert_true(story.boot.deadline_ms < story.now_ms + patience.missing);
    miss_deadline(&story);
    assert_verdict(&story, VERDICT_LOADER_MISSING);

    to_addressed(&story);
    fetch(&story, "boot.ipxe", 1);
    (void)file(&story, NOTE_FILE_MISSING, "vmlinuz-6.1", 2, 0, 0);
    miss_deadline(&story);
    assert_verdict(&story, VERDICT_KERNEL_MISSING);

    to_addressed(&story);
    fetch(&story, "boot.ipxe", 1);
    fetch(&story, "vmlinuz", 2);
    (void)file(&story, NOTE_FILE_MISSING, "initrd.img", 3, 0, 0);
    miss_deadline(&story);
    assert_verdict(&story, VERDICT_INITRD_MISSING);
}

/* PXELINUX asks for a dozen names; the last one is there. */
static void the_walk_over_config_names_is_no_failure(void **state)
{
    (void)state;
    struct story story;
    to_addressed(&story);
    fetch(&story, "pxelinux.0", 1);
    fetch(&story, "ldlinux.c32", 2);
    assert_stage(&story, STAGE_LOADER_UP);
    (void)file(&story, NOTE_FILE_MISSING, "pxelinux.cfg/01-52-54-00-aa-00-01", 3, 0, 0);
    (void)file(&story, NOTE_FILE_MISSING, "pxelinux.cfg/0A4D000B", 4, 0, 0);
    assert_true(story.boot.deadline_ms > story.now_ms + patience.missing);
    fetch(&story, "pxelinux.cfg/default", 5);
    assert_stage(&story, STAGE_CONFIG);
    assert_verdict(&story, VERDICT_NONE);
}

static void a_transfer_that_stands_still_is_named(void **state)
{
    (void)state;
    struct story story;
    to_addressed(&story);
    fetch(&story, "boot.ipxe", 1);
    (void)file(&story, NOTE_FILE_ASKED, "vmlinuz", 2, 0, 1000);
    (void)file(&story, NOTE_FILE_PROGRESS, "vmlinuz", 2, 430, 1000);
    assert_int_equal(story.boot.deadline_ms, story.now_ms + patience.stall);
    uint64_t before = story.boot.deadline_ms;
    (void)file(&story, NOTE_FILE_PROGRESS, "vmlinuz", 2, 430, 1000); /* repeated: no progress */
    assert_int_equal(story.boot.deadline_ms, before);
    miss_deadline(&story);
    assert_verdict(&story, VERDICT_KERNEL_STALLED);
}

static void dhcp_reasons_have_names(void **state)
{
    (void)state;
    struct story story;
    begin(&story);
    logged(&story, NOTE_DHCP_REFUSED, "", "ignored");
    assert_stage(&story, STAGE_POST);
    assert_string_equal(story.boot.reason, "ignored");
    miss_deadline(&story);
    assert_verdict(&story, VERDICT_DHCP_UNANSWERED);

    begin(&story);
    (void)dhcp(&story, NOTE_CAPTURE, NOTE_DHCP_DISCOVER, CLASS_ROM);
    (void)dhcp(&story, NOTE_CAPTURE, NOTE_DHCP_OFFER, CLASS_UNKNOWN);
    miss_deadline(&story);
    assert_verdict(&story, VERDICT_OFFER_IGNORED);

    begin(&story);
    (void)dhcp(&story, NOTE_CAPTURE, NOTE_DHCP_DISCOVER, CLASS_ROM);
    (void)see(&story, (struct note){.kind = NOTE_DHCP_OFFER, .server = {0x0a4d0001}});
    (void)see(&story,
              (struct note){.kind = NOTE_DHCP_REQUEST, .class = CLASS_ROM, .server = {0x0a4d0002}});
    miss_deadline(&story);
    assert_verdict(&story, VERDICT_WRONG_SERVER);

    begin(&story);
    (void)dhcp(&story, NOTE_CAPTURE, NOTE_DHCP_DISCOVER, CLASS_ROM);
    logged(&story, NOTE_DHCP_NAK, "", "wrong network");
    miss_deadline(&story);
    assert_verdict(&story, VERDICT_NAKED);
}

static void starting_over_again_and_again_is_a_loop(void **state)
{
    (void)state;
    struct story story;
    to_addressed(&story);
    for (int round = 0; round < 4; round++) {
        fetch(&story, "vmlinuz", 1);
        (void)dhcp(&story, NOTE_CAPTURE, NOTE_DHCP_DISCOVER, CLASS_ROM);
    }
    assert_verdict(&story, VERDICT_LOOPING);
}

/* Once packets are seen, a log that repeats them late may not move anything. */
static void logs_only_annotate_what_packets_tell(void **state)
{
    (void)state;
    struct story story;
    to_addressed(&story);
    logged(&story, NOTE_FILE_SENT, "/srv/tftp/vmlinuz", "");
    assert_stage(&story, STAGE_ADDRESSED);
    fetch(&story, "vmlinuz", 1);
    fetch(&story, "initrd.gz", 2);
    (void)dhcp(&story, NOTE_LOG, NOTE_DHCP_DISCOVER, CLASS_UNKNOWN);
    assert_stage(&story, STAGE_INITRD);
}

static void a_local_boot_may_come_from_the_disk(void **state)
{
    (void)state;
    struct story story = {.now_ms = 1000};
    boot_begin(&story.boot, false);
    (void)boot_step(&story.boot, SIGN_POWER, &patience, story.now_ms);
    (void)dhcp(&story, NOTE_CAPTURE, NOTE_DHCP_DISCOVER, CLASS_OS);
    assert_stage(&story, STAGE_KERNEL_UP);
    (void)see(&story, (struct note){.source = NOTE_PHONE_HOME, .kind = NOTE_PHONED_HOME});
    assert_stage(&story, STAGE_UP);

    boot_begin(&story.boot, false);
    (void)boot_step(&story.boot, SIGN_POWER, &patience, story.now_ms);
    miss_deadline(&story);
    assert_verdict(&story, VERDICT_NOT_UP);
}

static void names_tell_what_a_file_is_for(void **state)
{
    (void)state;
    static const struct {
        const char *file, *boot_file;
        enum file_role role;
    } files[] = {
        {"/srv/tftp/pxelinux.0", "", ROLE_LOADER},
        {"snponly.efi", "", ROLE_LOADER},
        {"ldlinux.c32", "", ROLE_PART},
        {"pxelinux.cfg/default", "", ROLE_CONFIG},
        {"boot/grub/grub.cfg-01-52-54", "", ROLE_CONFIG},
        {"/srv/tftp/boot.ipxe", "boot.ipxe", ROLE_CONFIG},
        {"vmlinuz-6.1.0-31-amd64", "", ROLE_KERNEL},
        {"initrd.img-6.1", "", ROLE_INITRD},
        {"/tftp/strange.bin", "strange.bin", ROLE_LOADER},
        {"strange.bin", "/tftp/strange.bin", ROLE_LOADER},
        {"verystrange.bin", "strange.bin", ROLE_OTHER},
        {"readme", "", ROLE_OTHER},
    };
    for (size_t i = 0; i < ARRAY_SIZE(files); i++)
        assert_int_equal(boot_file_role(files[i].file, files[i].boot_file), files[i].role);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matrix_is_the_golden_one),
        cmocka_unit_test(a_whole_boot_by_packets),
        cmocka_unit_test(a_whole_boot_by_logs),
        cmocka_unit_test(nothing_counts_before_the_power_edge),
        cmocka_unit_test(an_os_without_a_loader_came_from_the_disk),
        cmocka_unit_test(an_open_port_counts_only_after_it_was_closed),
        cmocka_unit_test(each_silence_has_its_verdict),
        cmocka_unit_test(a_missing_file_is_named_soon),
        cmocka_unit_test(the_walk_over_config_names_is_no_failure),
        cmocka_unit_test(a_transfer_that_stands_still_is_named),
        cmocka_unit_test(dhcp_reasons_have_names),
        cmocka_unit_test(starting_over_again_and_again_is_a_loop),
        cmocka_unit_test(logs_only_annotate_what_packets_tell),
        cmocka_unit_test(a_local_boot_may_come_from_the_disk),
        cmocka_unit_test(names_tell_what_a_file_is_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
