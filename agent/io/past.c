#include "agent/io/past.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "agent/io/clock.h"
#include "agent/io/log.h"
#include "agent/io/recovery.h"
#include "agent/io/service.h"
#include "proto/cleanup.h"

static void remember_key(void *arg, const struct journal_key *key)
{
    _cleanup_(job_request_clear) struct job_request request = {0};
    struct err err;
    if (job_request_decode(key->request, &request, &err)) /* of another version: its options */
        log_warning("job=%s key=\"%s\" text=\"%s\"", key->id, key->key, err.text);
    request.verb = key->verb;
    (void)snprintf(request.key, sizeof request.key, "%s", key->key);
    if (core_remember_key(arg, key->id, &request, key->nodes_hash))
        log_error("job=%s key=\"%s\" text=\"out of memory\"", key->id, key->key);
}

/* Once the drivers of the run before are gone, and as soon as the journal can be written: a command
 * that cannot be journaled is not sent. */
static void take_over_jobs(struct past *past)
{
    struct recovery recovery = {past->core,       past->journal,  past->run,
                                past->taken_over, clock_now_ms(), clock_unix_ms()};
    struct err err;
    if (!past->settled || journal_writable(past->journal, NULL))
        return;
    if (recovery_run(&recovery, &err))
        log_error("recovery=failed text=\"%s\"", err.text);
    else
        past->taken_over = true;
    turn_wanted(past->turn);
}

/* What ended unrecorded is recorded, and what a run before left is taken over, if that could not be
 * read yet. */
static void after_recovery(struct past *past)
{
    struct err err;
    turn_recovered(past->turn);
    take_over_jobs(past);
    if (journal_keys(past->journal, remember_key, past->core, &err) ||
        locks_recall(past->locks, &err))
        log_error("journal=read-only text=\"%s\"", err.text);
}

/* False: it cannot be written still. */
static bool recover(struct past *past)
{
    struct err err;
    if (service_lock_again(past->lock_fd, past->state_dir, &err))
        return false;
    int anew = journal_recover(past->journal, &err);
    if (anew < 0)
        return false;
    log_info("journal=writable");
    if (anew) {
        log_warning("journal=new text=\"the one before was removed, and with it the history, the "
                    "keys of jobs, and what runs now; locks are kept\"");
        if (locks_restore(past->locks, &err))
            log_error("journal=read-only text=\"%s\"", err.text);
    }
    after_recovery(past);
    return true;
}

int past_look(struct past *past)
{
    journal_look(past->journal);
    if (journal_writable(past->journal, NULL))
        return recover(past) ? 0 : -1;
    if (!past->taken_over)
        take_over_jobs(past);
    return 0;
}

void past_settled(struct past *past)
{
    past->settled = true;
    take_over_jobs(past);
}

int past_open(struct past *past, const struct config *config, int *lock_fd, struct err *err)
{
    uint32_t number = 0;
    if (getrandom(&number, sizeof number, 0) != (ssize_t)sizeof number)
        number = (uint32_t)clock_unix_ms(); /* it need not be secret, only another one each time */
    *past = (struct past){.lock_fd = lock_fd};
    memcpy(past->state_dir, config->state_dir, sizeof past->state_dir);
    (void)snprintf(past->run, sizeof past->run, "%07x", number & 0xfffffff);
    past->journal = journal_open(config->state_dir, past->run, err);
    past->core = core_new(config->inventory, past->run, clock_now_ms());
    if (!past->journal || !past->core)
        return err_set(err, ERR_SYSTEM, "out of memory");
    struct err trouble = {0};
    if (journal_writable(past->journal, &trouble) ||
        recovery_outcomes(past->core, past->journal, config->inventory, clock_unix_ms(),
                          &trouble) ||
        journal_keys(past->journal, remember_key, past->core, &trouble))
        log_error("journal=read-only text=\"%s\"", trouble.text);
    return 0;
}

void past_close(struct past *past)
{
    past->core = core_free(past->core);
    (void)journal_close(past->journal);
    past->journal = NULL;
}
