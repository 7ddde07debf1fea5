/* tftpd-hpa 5.2, rarpd, rpc.mountd of Debian 12, nginx's combined format. */
#include <stdio.h>
#include <string.h>

#include "proto/bootlog_private.h"
#include "proto/scan.h"
#include "proto/text.h"
#include "proto/tftp.h"

/* One process a transfer: its later lines are told by its number. */
bool bootlog_hpa(struct bootlog *log, uint32_t pid, const char *at, struct note *note)
{
    struct bootlog_pid *slot = &log->pid[pid % BOOTLOG_PIDS];
    uint64_t error;
    if (scan_text(&at, "RRQ from ")) {
        if (!scan_ipv4(&at, &note->ip) || !scan_text(&at, " filename "))
            return false;
        note->kind = NOTE_FILE_ASKED;
        (void)text_copy(note->file, sizeof note->file, at, strcspn(at, "\r"));
        *slot = (struct bootlog_pid){.pid = pid, .ip = note->ip};
        memcpy(slot->file, note->file, sizeof slot->file);
        return true;
    }
    if (slot->pid != pid || !ipv4_known(slot->ip))
        return false;
    note->ip = slot->ip;
    memcpy(note->file, slot->file, sizeof note->file);
    if (scan_text(&at, "sending NAK (")) {
        if (!scan_number(&at, &error) || !scan_text(&at, ", "))
            return false;
        bool missing = error == TFTP_NOT_FOUND || error == TFTP_NO_ACCESS;
        note->kind = missing ? NOTE_FILE_MISSING : NOTE_FILE_FAILED;
        return scan_before_last(&at, ") to ", note->reason, sizeof note->reason);
    }
    if (scan_text(&at, "tftp: client does not accept options")) {
        note->kind = NOTE_FILE_ABORTED;
        (void)snprintf(note->reason, sizeof note->reason,
                       TFTP_PROBE_REASON ": client does not accept options");
        return true;
    }
    if (scan_text(&at, "tftpd: read(ack): ")) {
        note->kind = NOTE_FILE_FAILED;
        (void)text_copy(note->reason, sizeof note->reason, at, strcspn(at, "\r"));
        return true;
    }
    return false;
}

bool bootlog_rarpd(struct bootlog *log, uint32_t pid, const char *at, struct note *note)
{
    (void)pid;
    if (scan_text(&at, "RARP request from ")) {
        note->kind = NOTE_RARP_REQUEST;
        if (!scan_mac(&at, &note->mac))
            return false;
        log->rarp = note->mac;
        return true;
    }
    if (scan_text(&at, "RARP response to ")) {
        note->kind = NOTE_RARP_REPLY;
        return scan_mac(&at, &note->mac) && scan_blank(&at) && scan_ipv4(&at, &note->ip);
    }
    bool refused = !strncmp(at, "not bootable", 12) || !strncmp(at, "not found in ", 13);
    if (!refused || !mac_known(log->rarp))
        return false;
    note->kind = NOTE_DHCP_REFUSED; /* rarpd is single-minded: it speaks of the request just said */
    note->mac = log->rarp;
    (void)text_copy(note->reason, sizeof note->reason, at, strcspn(at, "\r"));
    return true;
}

bool bootlog_mountd(struct bootlog *log, uint32_t pid, const char *at, struct note *note)
{
    (void)log;
    (void)pid;
    char port[16];
    struct ipv4 ip;
    const char *c = at;
    if (!scan_text(&c, "authenticated mount request from "))
        return false;
    const char *colon = strchr(c, ':');
    char text[IPV4_TEXT_SIZE];
    if (!colon || (size_t)(colon - c) >= sizeof text)
        return false;
    (void)text_copy(text, sizeof text, c, (size_t)(colon - c));
    c = colon + 1;
    if (ipv4_parse(text, &ip) || !scan_word(&c, port, sizeof port) || !scan_text(&c, " for ") ||
        !scan_before_last(&c, " (", note->file, sizeof note->file))
        return false;
    note->kind = NOTE_NFS_MOUNT;
    note->ip = ip;
    return true;
}

/* IP - USER [DATE] "GET PATH HTTP/1.1" STATUS BYTES "REFERRER" "AGENT".  Written when a transfer
 * ends, and 200 also of one the client broke off: the bytes tell, if the length is known. */
bool bootlog_nginx(const char *at, struct note *note)
{
    uint64_t status, bytes;
    if (!scan_ipv4(&at, &note->ip) || !scan_text(&at, " - ") || !scan_until(&at, " [") ||
        !scan_until(&at, "] \"GET ") || !scan_word(&at, note->file, sizeof note->file) ||
        !scan_until(&at, "\" ") || !scan_number(&at, &status) || !scan_text(&at, " ") ||
        !scan_number(&at, &bytes))
        return false;
    if (status == 200) {
        note->kind = NOTE_FILE_SENT;
        note->bytes = bytes;
    } else if (status == 206 || (status >= 300 && status < 400)) {
        note->kind = NOTE_FILE_ASKED; /* a part, or a redirection: no whole file */
    } else {
        note->kind = status >= 400 && status < 500 ? NOTE_FILE_MISSING : NOTE_FILE_FAILED;
        (void)snprintf(note->reason, sizeof note->reason, "HTTP status %u",
                       (unsigned)status % 1000);
    }
    return true;
}
