/* bootlog.h - log lines of boot servers, to notes.
 *
 * Understands dnsmasq 2.90 to 2.92, ISC dhcpd 4.4, Kea 2.2, tftpd-hpa 5.2 -v, rarpd -v, nginx's
 * combined log and Debian 12's rpc.mountd, with traditional, RFC 3339 and no time stamps, with
 * or without a host field.  A line gives one note or none; what is not understood gives none.
 * Time stamps are not used: seconds without a year or zone order nothing.
 *
 * Names in lines were chosen by strangers: they are bounded and cleaned (text.h), and a line is
 * only believed as a whole, from its program's name to its end.
 *
 * What "sent" means.  dnsmasq's `sent F` is NOTE_FILE_SENT, a claim: up to 2.91 it is also said of
 * transfers the client gave up before the first block.  `error N T received from IP` followed by
 * `sent F` or `failed sending F` to the same IP is one event, the client's abort, and gives one
 * NOTE_FILE_ABORTED:
 *   - error 0 or 8, then `sent F` (2.91 and older): nothing was fetched, the client only asked
 *     for the length.  The reason starts with TFTP_PROBE_REASON (tftp.h).
 *   - error N, then `failed sending F`: from 2.92 the same may be a length question too, and the log
 *     alone cannot tell.  The reason starts with "error N".  If the same ip is then sent the same
 *     file within 10 s, it was one.
 */
#ifndef POWERCTL_BOOTLOG_H
#define POWERCTL_BOOTLOG_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/note.h"

enum { BOOTLOG_XIDS = 1024, BOOTLOG_PIDS = 64, BOOTLOG_LINE_MAX = 4096 };

/* What one log remembers from line to line; zero it to begin.  One per file followed. */
struct bootlog {
    struct bootlog_xid {
        uint32_t xid;
        enum dhcp_class class;
    } xid[BOOTLOG_XIDS]; /* dnsmasq's log-dhcp: the class is in a line of its own */
    struct {
        struct ipv4 ip; /* zero: none waits */
        unsigned error;
        char text[NOTE_REASON_SIZE];
    } abort; /* dnsmasq's `error`, until the line that names the file */
    struct bootlog_pid {
        uint32_t pid; /* tftpd-hpa: a process for each transfer */
        struct ipv4 ip;
        char file[NOTE_FILE_SIZE];
    } pid[BOOTLOG_PIDS];
    struct mac rarp; /* who asked last: rarpd's refusals do not say */
};

/* `line` is without its newline. True with *note filled in (source: NOTE_LOG, at_ms: 0). */
bool bootlog_line(struct bootlog *log, const char *line, struct note *note);

#endif
