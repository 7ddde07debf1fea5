/* access.h - who is at the other end of the control socket, and what they may do.
 *
 *     root, and who runs the agent      everything
 *     members of agent.socket_group     everything
 *     everybody else                    GET, if the socket's mode lets them in at all
 *
 * Told by the kernel (SO_PEERCRED, SO_PEERGROUPS), never by the client.  Names come from
 * /etc/passwd alone: a directory service that hangs must not stop the loop. */
#ifndef POWERCTL_ACCESS_H
#define POWERCTL_ACCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include "proto/api.h"

struct peer {
    uid_t uid;
    pid_t pid;
    bool may_change;
    char actor[ACTOR_SIZE]; /* "alice (uid 1000)" */
};

/* Only AF_UNIX: asked of a TCP socket, Linux answers SO_PEERCRED with success, uid -1 and
 * pid 0. `group`: (gid_t)-1 for none. 0 or -1. */
int access_peer(int fd, gid_t group, struct peer *peer, struct err *err);

/* The group's number, or -1 with ERR_CONFIG. Only at start: it may ask a directory. */
int access_group(const char *name, gid_t *group, struct err *err);

#endif
