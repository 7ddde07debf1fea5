#include "agent/io/access.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "proto/cleanup.h"

enum { GROUPS_MAX = 65536 };

static void name_actor(struct peer *peer)
{
    _cleanup_(fclosep) FILE *file = fopen("/etc/passwd", "re");
    const struct passwd *entry = NULL;
    while (file && (entry = fgetpwent(file)) && entry->pw_uid != peer->uid)
        ;
    if (entry)
        (void)snprintf(peer->actor, sizeof peer->actor, "%.48s (uid %u)", entry->pw_name,
                       peer->uid);
    else
        (void)snprintf(peer->actor, sizeof peer->actor, "uid %u", peer->uid);
}

/* SO_PEERCRED has the primary group only. */
static bool has_group(int fd, gid_t primary, gid_t group)
{
    if (group == (gid_t)-1)
        return false;
    if (primary == group)
        return true;
    socklen_t size = 0;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, NULL, &size) == 0 || errno != ERANGE ||
        size > GROUPS_MAX * sizeof(gid_t))
        return false;
    _cleanup_(freep) gid_t *groups = malloc(size);
    if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size))
        return false;
    for (size_t i = 0; i < size / sizeof *groups; i++)
        if (groups[i] == group)
            return true;
    return false;
}

int access_peer(int fd, gid_t group, struct peer *peer, struct err *err)
{
    int family = 0;
    socklen_t size = sizeof family;
    if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size) || family != AF_UNIX)
        return err_set(err, ERR_DENIED, "not a local socket: nobody knows who that is");
    struct ucred who;
    size = sizeof who;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) || size != sizeof who ||
        who.uid == (uid_t)-1)
        return err_set(err, ERR_DENIED, "the kernel does not say who that is: %s", strerror(errno));
    struct peer found = {.uid = who.uid, .pid = who.pid};
    found.may_change = who.uid == 0 || who.uid == geteuid() || has_group(fd, who.gid, group);
    name_actor(&found);
    *peer = found;
    return 0;
}

int access_group(const char *name, gid_t *group, struct err *err)
{
    const struct group *entry = getgrnam(name);
    if (!entry)
        return err_set(err, ERR_CONFIG,
                       "agent.socket_group: there is no group '%s'; make it with "
                       "'groupadd --system %s'",
                       name, name);
    *group = entry->gr_gid;
    return 0;
}
