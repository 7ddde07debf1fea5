/* key.c - names of requests: what was asked once under a key is done once. */
#include <stdio.h>
#include <string.h>

#include "agent/core/state.h"
#include "proto/cleanup.h"

struct used_key *key_find(const struct core *core, const char *key)
{
    struct used_key *used = NULL;
    if (*key)
        HASH_FIND_STR(core->keys, key, used);
    return used;
}

int key_check(const struct used_key *used, const struct job_request *request, const char *set_hash,
              struct problem *problem, struct err *err)
{
    char option[32];
    memcpy(problem->job, used->id, sizeof problem->job);
    if (used->verb != request->verb)
        return err_set(err, ERR_BUSY,
                       "key '%s' was used for %s by job %s, this is %s: nothing was done",
                       request->key, verb_name(used->verb), used->id, verb_name(request->verb));
    if (strcmp(used->set_hash, set_hash) != 0)
        return err_set(err, ERR_BUSY,
                       "key '%s' was used for %s of other nodes, by job %s: nothing was done",
                       request->key, verb_name(used->verb), used->id);
    if (!job_options_same(&used->options, &request->options, option))
        return err_set(err, ERR_BUSY,
                       "key '%s' was used for the same %s with other options (%s is another), by "
                       "job %s: nothing was done",
                       request->key, verb_name(used->verb), option, used->id);
    return 0;
}

int core_remember_key(struct core *core, const char *id, const struct job_request *request,
                      const char *nodes_hash)
{
    if (!*request->key || key_find(core, request->key))
        return 0;
    struct used_key *used = calloc(1, sizeof *used);
    if (!used)
        return -1;
    (void)snprintf(used->key, sizeof used->key, "%s", request->key);
    (void)snprintf(used->id, sizeof used->id, "%s", id);
    (void)snprintf(used->set_hash, sizeof used->set_hash, "%s", nodes_hash);
    used->verb = request->verb;
    used->options = request->options;
    HASH_ADD_STR(core->keys, key, used);
    return 0;
}

void key_belongs_to(struct core *core, const char *key, const char *id)
{
    struct used_key *used = key_find(core, key);
    if (used)
        (void)snprintf(used->id, sizeof used->id, "%s", id);
}

void core_forget_key(struct core *core, const char *key, const char *id)
{
    struct used_key *used = key_find(core, key);
    if (!used || strcmp(used->id, id) != 0)
        return;
    HASH_DEL(core->keys, used);
    free(used);
}
