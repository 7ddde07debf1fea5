#include "agent/capture/confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "proto/cleanup.h"

enum { NOBODY = 65534 };

static int failed(struct err *err, const char *what)
{
    return err_set(err, ERR_SYSTEM, "capture: giving up privileges: %s: %s", what, strerror(errno));
}

static int drop_capabilities(struct err *err)
{
    /* The bounding set too, as far as we may: it needs CAP_SETPCAP, which root has. */
    for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
        if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) && errno != EPERM && errno != EINVAL)
            return failed(err, "bounding set");
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0))
        return failed(err, "ambient capabilities");
    return 0;
}

/* Root of a user namespace may be the only user there is (unshare --map-root-user): outside it is
 * an ordinary one, and the capabilities given up below are all it had. */
static bool nobody_exists(void)
{
    _cleanup_(fclosep) FILE *map = fopen("/proc/self/uid_map", "re");
    unsigned long first, outside, count;
    bool found = !map; /* no such file, no namespaces */
    while (!found && map && fscanf(map, "%lu %lu %lu", &first, &outside, &count) == 3)
        found = first <= NOBODY && NOBODY - first < count;
    return found;
}

static int become_nobody(struct err *err)
{
    if (geteuid() == 0 && nobody_exists()) {
        if (setgroups(0, NULL))
            return failed(err, "groups");
        if (setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY))
            return failed(err, "user");
    }
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {0};
    if (syscall(SYS_capset, &header, none))
        return failed(err, "capabilities");
    return 0;
}

static int limit(int resource, const char *name, struct err *err)
{
    struct rlimit none = {0, 0};
    return setrlimit((__rlimit_resource_t)resource, &none) ? failed(err, name) : 0;
}

int confine(pid_t parent, struct err *err)
{
    if (drop_capabilities(err) || become_nobody(err))
        return -1;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
        return failed(err, "no_new_privs");
    if (limit(RLIMIT_NPROC, "processes", err) || limit(RLIMIT_CORE, "core", err))
        return -1;
    /* After the change of user, which forgets it. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0))
        return failed(err, "parent's death");
    if (getppid() != parent)
        return err_set(err, ERR_SYSTEM, "capture: the agent is gone");
    return 0;
}
