/* The journal: a turn is on disk whole or not at all, also after SIGKILL and on a full disk. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/io/journal_private.h"
#include "proto/cleanup.h"
#include "tests/unit/journal_rig.h"

static int history_of(struct journal *journal, const char *node, size_t limit,
                      struct job_event **events, size_t *count, struct err *err)
{
    _cleanup_(nodeset_freep) struct nodeset *nodes = NULL;
    if (node)
        assert_int_equal(nodeset_parse(node, NULL, &nodes, NULL, err), 0);
    struct journal_query query = {.nodes = nodes, .questions = true, .limit = limit};
    return journal_history(journal, &query, events, count, err);
}

static struct journal_job job_of(const char *id, const char *nodes, const char *key)
{
    struct journal_job job = {.verb = VERB_CYCLE,
                              .nodes = nodes,
                              .nodes_hash = "0123456789abcdef",
                              .key = key,
                              .actor = "alice (uid 1000)",
                              .request = "{}",
                              .started_unix_ms = 1000};
    (void)snprintf(job.id, sizeof job.id, "%s", id);
    return job;
}

static uint64_t add_event(struct journal *journal, enum event_kind kind, const char *job,
                          const char *node)
{
    struct job_event event = journal_rig_event(kind, job, node);
    journal_add_event(journal, &event);
    return event.sequence;
}

static bool count_row(void *arg, const struct journal_row *row)
{
    size_t *count = arg;
    assert_non_null(strstr(row->json, row->job));
    (*count)++;
    return true;
}

static size_t events_after(struct journal *journal, uint64_t after)
{
    struct err err;
    size_t count = 0;
    int rows = journal_read(journal, after, UINT64_MAX, NULL, 100000, count_row, &count, &err);
    assert_int_equal(rows, (int)count);
    return count;
}

static void what_was_committed_is_there_after_reopening(void **state)
{
    struct err err = {0};
    (void)state;
    struct journal *journal = journal_rig_open("run1");
    struct journal_job job = job_of("J1-1", "n[01-02]", "night");
    journal_begin(journal);
    journal_add_job(journal, &job);
    assert_int_equal(add_event(journal, EVENT_JOB_STARTED, "J1-1", ""), 1);
    assert_int_equal(add_event(journal, EVENT_STAGE, "J1-1", "n01"), 2);
    journal_rig_commit(journal);
    journal = journal_close(journal);

    journal = journal_rig_open("run2");
    assert_int_equal(journal_last_sequence(journal), 2);
    assert_int_equal(events_after(journal, 0), 2);
    assert_int_equal(events_after(journal, 1), 1);
    struct job_event *events = NULL;
    size_t count = 0;
    assert_int_equal(history_of(journal, "n01", 10, &events, &count, &err), 0);
    assert_int_equal(count, 2);
    assert_int_equal(events[0].kind, EVENT_JOB_STARTED); /* which says who asked */
    assert_int_equal(events[1].kind, EVENT_STAGE);
    assert_int_equal(events[1].sequence, 2);
    free(events);
    journal_begin(journal);
    assert_int_equal(add_event(journal, EVENT_NOTE, "J1-1", "n01"), 3);
    journal_rig_commit(journal);
    (void)journal_close(journal);
}

static void history_is_the_newest_oldest_first(void **state)
{
    struct err err = {0};
    (void)state;
    struct journal *journal = journal_rig_open("run1");
    journal_begin(journal);
    for (int i = 0; i < 20; i++)
        (void)add_event(journal, EVENT_NOTE, "J1-1", i % 2 ? "n01" : "n02");
    journal_rig_commit(journal);
    struct job_event *events = NULL;
    size_t count = 0;
    assert_int_equal(history_of(journal, "n01", 3, &events, &count, &err), 0);
    assert_int_equal(count, 3);
    assert_int_equal(events[0].sequence, 16);
    assert_int_equal(events[2].sequence, 20);
    free(events);
    (void)journal_close(journal);
}

static void an_open_batch_is_nothing_after_sigkill(void **state)
{
    int pipe_fd[2];
    char byte;
    (void)state;
    assert_int_equal(pipe(pipe_fd), 0);
    pid_t child = fork();
    if (child == 0) {
        struct journal *journal = journal_rig_open("run1");
        journal_begin(journal);
        (void)add_event(journal, EVENT_NOTE, "J1-1", "n01");
        journal_rig_commit(journal);
        journal_begin(journal);
        (void)add_event(journal, EVENT_NOTE, "J1-1", "n02");
        (void)!write(pipe_fd[1], "x", 1);
        (void)pause();
        _exit(0);
    }
    assert_int_equal(read(pipe_fd[0], &byte, 1), 1);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(pipe_fd[0]);
    (void)close(pipe_fd[1]);
    struct journal *journal = journal_rig_open("run2");
    assert_int_equal(events_after(journal, 0), 1);
    assert_int_equal(journal_last_sequence(journal), 1);
    (void)journal_close(journal);
}

static void a_full_disk_loses_the_whole_batch(void **state)
{
    struct err err = {0};
    (void)state;
    struct journal *journal = journal_rig_open("run1");
    journal_begin(journal);
    (void)add_event(journal, EVENT_NOTE, "J1-1", "n01");
    journal_rig_commit(journal);
    journal_limit_pages(journal, 1);
    int result = 0;
    for (int try = 0; try < 2; try++) {
        journal_begin(journal);
        for (int i = 0; i < 1000; i++)
            (void)add_event(journal, EVENT_NOTE, "J1-1", "n02");
        result = journal_commit(journal, &err);
        assert_int_equal(result, try ? -1 : 1); /* the reserve was freed, and did not help here */
    }
    assert_non_null(strstr(err.text, "disk full"));
    assert_non_null(strstr(err.text, journal_rig_dir));
    assert_int_equal(journal_writable(journal, &err), -1);
    assert_int_equal(events_after(journal, 0), 1);
    assert_int_equal(journal_last_sequence(journal), 1);

    journal_limit_pages(journal, 1000000);
    if (journal_recover(journal, &err))
        fail_msg("%s", err.text);
    journal_begin(journal);
    assert_int_equal(add_event(journal, EVENT_NOTE, "J1-1", "n03"), 2);
    journal_rig_commit(journal);
    (void)journal_close(journal);
}

static void the_reserve_gives_way_and_comes_back(void **state)
{
    struct err err = {0};
    char path[128];
    struct stat found;
    (void)state;
    (void)snprintf(path, sizeof path, "%s/journal.reserve", journal_rig_dir);
    struct journal *journal = journal_rig_open("run1");
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_size, JOURNAL_RESERVE);
    assert_true(found.st_blocks * 512 >= JOURNAL_RESERVE);
    journal_limit_pages(journal, 1);
    journal_begin(journal);
    for (int i = 0; i < 1000; i++)
        (void)add_event(journal, EVENT_NOTE, "J1-1", "n02");
    assert_int_equal(journal_commit(journal, &err), 1);
    assert_int_equal(stat(path, &found), -1);
    journal_limit_pages(journal, 1000000);
    journal_begin(journal);
    (void)add_event(journal, EVENT_NOTE, "J1-1", "n02");
    journal_rig_commit(journal);                           /* a running job goes on */
    assert_int_equal(journal_writable(journal, &err), -1); /* and no new one is admitted */
    assert_int_equal(journal_recover(journal, &err), 0);
    assert_int_equal(stat(path, &found), 0);
    (void)journal_close(journal);
}

/* A full disk is no broken one, whatever it is that does not fit. */
static void a_lock_that_does_not_fit_leaves_the_journal_as_it_was(void **state)
{
    struct err err = {0};
    struct lock_view lock = {.node = "n01", .holder = "alice", .since_unix_ms = 1000};
    (void)state;
    struct journal *journal = journal_rig_open("run1");
    memset(lock.reason, 'x', sizeof lock.reason - 1);
    journal_limit_pages(journal, 1);
    journal_begin(journal);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(lock.node, sizeof lock.node, "n%04d", i);
        journal_put_lock(journal, &lock);
    }
    assert_int_equal(journal_commit(journal, &err), 1);
    assert_non_null(strstr(err.text, "disk full"));
    journal_limit_pages(journal, 1000000);
    journal_begin(journal);
    (void)add_event(journal, EVENT_NOTE, "J1-1", "n02");
    journal_rig_commit(journal); /* a running job goes on */
    (void)journal_close(journal);
}

static void fill_up(struct journal *journal)
{
    struct err err;
    journal_limit_pages(journal, 1);
    journal_begin(journal);
    for (int i = 0; i < 1000; i++)
        (void)add_event(journal, EVENT_NOTE, "J1-1", "n02");
    assert_int_equal(journal_commit(journal, &err), 1);
    journal_limit_pages(journal, 1000000);
}

/* Another error than a full disk stops all writing, also when the reserve is in use. */
static void removed_while_it_is_written_nothing_is_written(void **state)
{
    struct err err = {0};
    char path[128];
    (void)state;
    (void)snprintf(path, sizeof path, "%s/journal.db", journal_rig_dir);
    for (int full = 0; full < 2; full++) {
        struct journal *journal = journal_rig_open("run1");
        if (full)
            fill_up(journal);
        assert_int_equal(unlink(path), 0);
        for (int try = 0; try < 2; try++) {
            journal_begin(journal);
            (void)add_event(journal, EVENT_NOTE, "J1-1", "n02");
            assert_int_equal(journal_commit(journal, &err), -1);
            assert_non_null(strstr(err.text, path));
            assert_non_null(strstr(err.text, "removed or replaced"));
            assert_int_equal(journal_writable(journal, &err), -1);
        }
        assert_int_equal(journal_recover(journal, &err), 0);
        journal_begin(journal);
        assert_int_equal(add_event(journal, EVENT_NOTE, "J1-1", "n03"), 1); /* a new file */
        journal_rig_commit(journal);
        (void)journal_close(journal);
        assert_int_equal(unlink(path), 0);
    }
}

static void recovery_does_not_make_the_directory_again(void **state)
{
    struct err err = {0};
    char gone[160];
    (void)state;
    (void)snprintf(gone, sizeof gone, "%s.gone", journal_rig_dir);
    struct journal *journal = journal_rig_open("run1");
    assert_int_equal(rename(journal_rig_dir, gone), 0);
    journal_begin(journal);
    assert_int_equal(journal_commit(journal, &err), -1);
    assert_int_equal(journal_recover(journal, &err), -1);
    assert_non_null(strstr(err.text, journal_rig_dir));
    assert_non_null(strstr(err.text, "No such file or directory"));
    assert_int_equal(access(journal_rig_dir, F_OK), -1);
    assert_int_equal(rename(gone, journal_rig_dir), 0);
    assert_int_equal(journal_recover(journal, &err), 0);
    (void)journal_close(journal);
}

static void use_all(struct journal *journal)
{
    struct err err;
    struct job_event *events = NULL;
    struct journal_unfinished *jobs = NULL;
    struct job_view view = {0};
    size_t count = 0;
    if (history_of(journal, "n02", 10, &events, &count, &err) == 0)
        free(events);
    if (journal_unfinished(journal, &jobs, &count, &err) == 0)
        journal_unfinished_free(jobs, count);
    if (journal_job(journal, "J1-1", &view, &err) == 0)
        job_view_clear(&view);
    journal_begin(journal);
    (void)add_event(journal, EVENT_NOTE, "J1-1", "n02");
    (void)journal_commit(journal, &err);
}

/* Every 61st byte turned over, and cut at every 977th: opened, or refused with its name, and
 * never the end of the agent. */
static void damage_anywhere_is_survived(void **state)
{
    static uint8_t good[256 * 1024];
    char path[128], wal[140];
    struct err err = {0};
    size_t refused = 0;
    (void)state;
    (void)snprintf(path, sizeof path, "%s/journal.db", journal_rig_dir);
    (void)snprintf(wal, sizeof wal, "%s-wal", path);
    struct journal *journal = journal_rig_open("run1");
    journal_begin(journal);
    for (int i = 0; i < 30; i++)
        (void)add_event(journal, EVENT_NOTE, "J1-1", "n02");
    journal_rig_commit(journal);
    (void)journal_close(journal);
    int fd = open(path, O_RDWR);
    ssize_t size = read(fd, good, sizeof good);
    assert_in_range(size, 8192, sizeof good - 1);
    for (ssize_t at = 0; at < 2 * size; at += at < size ? 61 : 977) {
        (void)unlink(wal);
        assert_int_equal(pwrite(fd, good, (size_t)size, 0), size);
        if (at < size)
            assert_int_equal(pwrite(fd, &(uint8_t){(uint8_t)~good[at]}, 1, at), 1);
        else
            assert_int_equal(ftruncate(fd, at - size), 0);
        journal = journal_open(journal_rig_dir, "run2", &err);
        assert_non_null(journal);
        if (journal_writable(journal, &err)) {
            assert_non_null(strstr(err.text, path));
            refused++;
        }
        use_all(journal);
        (void)journal_close(journal);
    }
    (void)close(fd);
    assert_in_range(refused, 10, 100000);
}

static void a_damaged_file_is_said_to_be_damaged(void **state)
{
    char path[128], junk[8192];
    struct err err = {0};
    (void)state;
    (void)snprintf(path, sizeof path, "%s/journal.db", journal_rig_dir);
    memset(junk, 'x', sizeof junk);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    assert_int_equal(write(fd, junk, sizeof junk), sizeof junk);
    (void)close(fd);
    struct journal *journal = journal_open(journal_rig_dir, "run1", &err);
    assert_non_null(journal);
    assert_int_equal(journal_writable(journal, &err), -1);
    assert_non_null(strstr(err.text, path));
    journal_begin(journal);
    (void)add_event(journal, EVENT_NOTE, "J1-1", "n02");
    assert_int_equal(journal_commit(journal, &err), -1);
    struct job_event *events = NULL;
    size_t count = 0;
    assert_int_equal(history_of(journal, NULL, 3, &events, &count, &err), -1);
    (void)journal_close(journal);
}

static void a_flipped_byte_inside_is_found(void **state)
{
    char path[128];
    struct err err = {0};
    (void)state;
    struct journal *journal = journal_rig_open("run1");
    journal_begin(journal);
    for (int i = 0; i < 2000; i++)
        (void)add_event(journal, EVENT_NOTE, "J1-1", "n02");
    journal_rig_commit(journal);
    (void)journal_close(journal); /* moves everything out of the WAL */
    (void)snprintf(path, sizeof path, "%s/journal.db", journal_rig_dir);
    int fd = open(path, O_RDWR);
    struct stat found;
    assert_int_equal(fstat(fd, &found), 0);
    for (off_t page = 4096; page < found.st_size; page += 4096)
        assert_int_equal(pwrite(fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, page), 8);
    (void)close(fd);
    journal = journal_open(journal_rig_dir, "run2", &err);
    assert_int_equal(journal_writable(journal, &err), -1);
    assert_non_null(strstr(err.text, "damaged"));
    (void)journal_close(journal);
}

static void a_place_that_cannot_be_written_is_named(void **state)
{
    struct err err = {0};
    (void)state;
    struct journal *journal = journal_open("/proc/powerctl", "run1", &err);
    assert_non_null(journal);
    assert_int_equal(journal_writable(journal, &err), -1);
    assert_non_null(strstr(err.text, "/proc/powerctl"));
    assert_int_equal(journal_recover(journal, &err), -1);
    (void)journal_close(journal);
}

static void a_newer_version_is_refused(void **state)
{
    struct err err = {0};
    char command[256];
    (void)state;
    (void)journal_close(journal_rig_open("run1"));
    (void)snprintf(command, sizeof command, "%s/journal.db", journal_rig_dir);
    pid_t child = fork();
    if (child == 0)
        (void)execlp("sqlite3", "sqlite3", command, "PRAGMA user_version = 99", NULL), _exit(127);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WEXITSTATUS(status) == 127)
        skip();
    struct journal *journal = journal_open(journal_rig_dir, "run2", &err);
    assert_int_equal(journal_writable(journal, &err), -1);
    assert_non_null(strstr(err.text, "newer"));
    (void)journal_close(journal);
}

static void keys_are_told(void *arg, const struct journal_key *key)
{
    int *count = arg;
    assert_string_equal(key->key, "night");
    assert_string_equal(key->id, "J1-1");
    assert_int_equal(key->verb, VERB_CYCLE);
    assert_string_equal(key->nodes_hash, "0123456789abcdef");
    assert_non_null(strchr(key->request, '{'));
    (*count)++;
}

static void keys_survive(void **state)
{
    struct err err = {0};
    int count = 0;
    (void)state;
    struct journal *journal = journal_rig_open("run1");
    struct journal_job keyed = job_of("J1-1", "n01", "night"), other = job_of("J1-2", "n02", "");
    journal_begin(journal);
    journal_add_job(journal, &keyed);
    journal_add_job(journal, &other);
    journal_rig_commit(journal);
    (void)journal_close(journal);
    journal = journal_rig_open("run2");
    assert_int_equal(journal_keys(journal, keys_are_told, &count, &err), 0);
    assert_int_equal(count, 1);
    (void)journal_close(journal);
}

/* Its events may be gone long before its row. */
static void a_job_without_its_events_keeps_its_exit(void **state)
{
    struct err err = {0};
    struct job_view view = {0};
    (void)state;
    struct journal *journal = journal_rig_open("run1");
    struct journal_job job = job_of("J1-1", "n[01-04]", "");
    journal_begin(journal);
    journal_add_job(journal, &job);
    journal_end_job(journal, "J1-1", 9000, EXIT_LEFT_OFF, "done");
    journal_rig_commit(journal);
    assert_int_equal(journal_job(journal, "J1-1", &view, &err), 0);
    assert_int_equal(view.nnodes, 0);
    assert_int_equal(job_view_exit_code(&view), EXIT_LEFT_OFF);
    char *json = job_view_encode(&view);
    struct job_view read = {0};
    assert_int_equal(job_view_decode(json, &read, &err), 0);
    assert_int_equal(job_view_exit_code(&read), EXIT_LEFT_OFF);
    free(json);
    job_view_clear(&read);
    job_view_clear(&view);
    (void)journal_close(journal);
}

/* Only the sync is left out, and only for them: what is sent upon waits for the disk again. */
static void what_a_question_found_does_not_wait_for_the_disk(void **state)
{
    struct err err;
    (void)state;
    struct journal *journal = journal_rig_open("run1");
    journal_begin_unhurried(journal);
    (void)add_event(journal, EVENT_POWER, "J1-1", "n02");
    journal_rig_commit(journal);
    assert_true(journal->unhurried);
    journal_begin(journal);
    (void)add_event(journal, EVENT_COMMAND, "J1-2", "n02");
    journal_rig_commit(journal);
    sqlite3_stmt *row;
    assert_int_equal(sqlite3_prepare_v2(journal->db, "PRAGMA synchronous", -1, &row, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(row), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int(row, 0), 2); /* FULL */
    (void)sqlite3_finalize(row);
    (void)journal_close(journal);
    journal = journal_open(journal_rig_dir, "run2", &err);
    assert_int_equal(events_after(journal, 0), 2);
    (void)journal_close(journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        JOURNAL_TEST(what_was_committed_is_there_after_reopening),
        JOURNAL_TEST(history_is_the_newest_oldest_first),
        JOURNAL_TEST(an_open_batch_is_nothing_after_sigkill),
        JOURNAL_TEST(a_full_disk_loses_the_whole_batch),
        JOURNAL_TEST(the_reserve_gives_way_and_comes_back),
        JOURNAL_TEST(a_lock_that_does_not_fit_leaves_the_journal_as_it_was),
        JOURNAL_TEST(removed_while_it_is_written_nothing_is_written),
        JOURNAL_TEST(recovery_does_not_make_the_directory_again),
        JOURNAL_TEST(damage_anywhere_is_survived),
        JOURNAL_TEST(a_damaged_file_is_said_to_be_damaged),
        JOURNAL_TEST(a_flipped_byte_inside_is_found),
        JOURNAL_TEST(a_place_that_cannot_be_written_is_named),
        JOURNAL_TEST(a_newer_version_is_refused),
        JOURNAL_TEST(keys_survive),
        JOURNAL_TEST(a_job_without_its_events_keeps_its_exit),
        JOURNAL_TEST(what_a_question_found_does_not_wait_for_the_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
