/* control_socket.h - text commands for a simulated peer, by unix datagram: one datagram, one
 * command, one answer.
 *
 * Answers start with "ok" or "error"; reports are a text of their own.  Not the abstract name
 * space: that is one per network namespace, and peers are steered from outside theirs.
 * Errors go to stderr, for the person who wrote the test. */
#ifndef PEERS_CONTROL_SOCKET_H
#define PEERS_CONTROL_SOCKET_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

enum { CONTROL_COMMAND_MAX = 512, CONTROL_ANSWER_MAX = 60000 };

struct control_caller {
    struct sockaddr_un address;
    socklen_t size;
};

/* A bound, non-blocking socket at `path` (what was there is replaced), or -1. */
int control_listen(const char *path);

/* The next command, as text without its line end. False: nothing (more) is waiting. */
bool control_receive(int fd, char command[CONTROL_COMMAND_MAX], struct control_caller *caller);

/* Nothing happens if the caller cannot be answered: it sent from an unbound socket. */
void control_answer(int fd, const struct control_caller *caller, const char *text);

/* A socket for commands to the peer at `path` that wants no answers, or -1. Sending waits for
 * a busy peer (the queue is only net.unix.max_dgram_qlen = 10 long), but a second at most. */
int control_connect(const char *path);

/* One command, its answer printed. For `--send PATH COMMAND...`: an exit code (0, or 1 after
 * "error", or 2 if nobody answers within 5 s). */
int control_ask(const char *path, char *const words[]);

#endif
