/* err.h - the one way to fail.
 *
 * A function that can fail returns 0, or -1 with *err set; its outputs are untouched on
 * failure.  `kind` is for code, `text` is one line for people: what was tried, on what,
 * what came back, what to do next.
 *
 * `sent` is the most important word in the system: whether a command that failed may have
 * reached the device.  Only SENT_NO may be retried blindly; after SENT_MAYBE the device's
 * state is read first. */
#ifndef POWERCTL_ERR_H
#define POWERCTL_ERR_H

enum err_kind {
    ERR_NONE,
    ERR_USAGE,       /* the caller asked for something that makes no sense */
    ERR_CONFIG,      /* a file written by people is wrong */
    ERR_DENIED,      /* not allowed: not this user, or a protected node */
    ERR_CONFIRM,     /* more nodes than may be touched without confirmation */
    ERR_BUSY,        /* somebody else is at it: another job, all sessions taken */
    ERR_NOT_FOUND,   /* no such job, no such page */
    ERR_UNREACHABLE, /* nothing answers there */
    ERR_TIMEOUT,     /* it answered, but not in time */
    ERR_AUTH,        /* wrong user or password, or not enough privilege */
    ERR_PROTOCOL,    /* the peer's bytes make no sense */
    ERR_UNSUPPORTED, /* this device cannot do that */
    ERR_DEVICE,      /* the device understood and said no */
    ERR_LIMIT,       /* a queue, buffer or list is full */
    ERR_SYSTEM,      /* the operating system said no: disk, memory, descriptors */
    ERR_KINDS
};

enum sent { SENT_NO, SENT_MAYBE, SENT_YES };

struct err {
    enum err_kind kind;
    enum sent sent;
    char text[256];
};

/* Sets kind and text, sent to SENT_NO; returns -1 so that "return err_set(...)" reads well.
 * `err` may be NULL.  Control characters in the text become '?'. */
int err_set(struct err *err, enum err_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, for commands to devices. */
int err_set_sent(struct err *err, enum err_kind kind, enum sent sent, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "what: " before the text that is there. Returns -1. */
int err_prefix(struct err *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Words on the wire: "unreachable", "maybe". The reverse returns 0 or -1 (unknown word). */
const char *err_kind_name(enum err_kind kind);
int err_kind_parse(const char *word, enum err_kind *kind);
const char *sent_name(enum sent sent);
int sent_parse(const char *word, enum sent *sent);

#endif
