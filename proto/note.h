/* note.h - a boot note: one thing seen on the wire, in a log, or on a port.
 *
 * Every source of evidence (packet capture, log follower, port probe, phone-home) makes notes
 * and nothing but notes; agent/core/correlate.c ties each to a node and an attempt.  A note is
 * plain data and holds what was seen, not what it means. */
#ifndef POWERCTL_NOTE_H
#define POWERCTL_NOTE_H

#include <stddef.h>
#include <stdint.h>

#include "proto/address.h"
#include "proto/err.h"

enum note_source { NOTE_CAPTURE, NOTE_LOG, NOTE_PROBE, NOTE_PHONE_HOME, NOTE_SOURCES };

enum note_kind {
    NOTE_DHCP_DISCOVER, /* mac, class */
    NOTE_DHCP_OFFER,    /* mac, ip (offered), server, file */
    NOTE_DHCP_REQUEST,  /* mac, ip, class, server it chose (if it says) */
    NOTE_DHCP_ACK,      /* mac, ip, server, file: the boot file named in the answer, if seen */
    NOTE_DHCP_NAK,      /* mac, reason */
    NOTE_DHCP_REFUSED,  /* a server's log says it will not answer: mac, reason */
    NOTE_DHCP_CLASS,    /* a server's log tells the class of xid (dnsmasq's log-dhcp) */
    NOTE_DHCP_RELEASE,  /* mac, ip */
    NOTE_BOOTP_REQUEST, /* mac */
    NOTE_BOOTP_REPLY,   /* mac, ip, file */
    NOTE_RARP_REQUEST,  /* mac */
    NOTE_RARP_REPLY,    /* mac, ip */
    NOTE_ARP,           /* mac, ip: the node said "this is me" */
    NOTE_FILE_ASKED,    /* RRQ or GET: ip, port, file */
    NOTE_FILE_PROGRESS, /* ip, port, file, bytes (acknowledged), total */
    NOTE_FILE_DONE,     /* last block acknowledged (capture): proven */
    NOTE_FILE_SENT, /* a log says "sent": a claim. dnsmasq <= 2.91 also says it of aborted ones */
    NOTE_FILE_MISSING, /* ip, file: the server does not have it, or may not read it */
    NOTE_FILE_ABORTED, /* the client gave up (TFTP ERROR from it): ip, file if known, reason */
    NOTE_FILE_FAILED,  /* a log says the transfer failed or timed out: ip, file */
    NOTE_PORT_OPEN,    /* ip, port */
    NOTE_PORT_CLOSED,  /* ip, port: refused, or no answer */
    NOTE_PHONED_HOME,  /* ip, and the node's name or MAC in `reason` */
    NOTE_NFS_MOUNT,    /* ip, file: the export */
    NOTE_KINDS
};

/* Who is asking, told by options 60, 77, 93 and 175 (dhcp.h). */
enum dhcp_class {
    CLASS_UNKNOWN, /* not said: a log without log-dhcp */
    CLASS_ROM,     /* option 60 PXEClient */
    CLASS_HTTP,    /* option 60 HTTPClient */
    CLASS_IPXE,    /* option 77 iPXE or gPXE, or 175 */
    CLASS_OS,      /* none of these: an operating system */
    DHCP_CLASSES
};

enum { NOTE_FILE_SIZE = 256, NOTE_REASON_SIZE = 96, NOTE_LINE_SIZE = 2048 };

struct note {
    uint64_t at_ms; /* CLOCK_MONOTONIC when it was seen; set by the agent, not on the wire */
    enum note_source source;
    enum note_kind kind;
    enum dhcp_class class;
    struct mac mac;                /* the node's; zero: not known */
    struct ipv4 ip;                /* the node's; zero: not known */
    struct ipv4 server;            /* who answered; zero: not known */
    uint16_t port;                 /* of the node (TFTP: tells two transfers of one node apart) */
    uint32_t xid;                  /* DHCP transaction; 0: not known */
    uint64_t bytes, total;         /* 0: not known */
    char file[NOTE_FILE_SIZE];     /* as the server or client wrote it, control characters as '?' */
    char reason[NOTE_REASON_SIZE]; /* likewise */
};

const char *note_kind_name(enum note_kind kind);
const char *note_source_name(enum note_source source);
const char *dhcp_class_name(enum dhcp_class class);

/* One line of JSON, with '\n'; what is zero or empty is left out. This is how the capture
 * program reports, one note a line. Returns the length, at most NOTE_LINE_SIZE - 1. */
size_t note_encode(const struct note *note, char line[NOTE_LINE_SIZE]);

/* Strict: unknown key, wrong type, too long: -1 and *note untouched. */
int note_decode(const char *line, struct note *note, struct err *err);

#endif
