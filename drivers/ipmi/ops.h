/* ops.h - what each operation says to a BMC, command by command, and what the answers mean.
 *
 * Pure: no sockets, no clock, no sessions.  The session asks for the command to send now and
 * hands back the answer, until the operation is done and its reply complete. */
#ifndef POWERCTL_IPMI_OPS_H
#define POWERCTL_IPMI_OPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/ipmi/codec.h"
#include "proto/driver_msg.h"

/* What may be done with a command that was not answered. */
enum ipmi_care {
    CARE_QUESTION,   /* changes nothing: ask again as often as you like */
    CARE_IDEMPOTENT, /* done twice is as done once: resent, but never as a new command */
    CARE_FRAGILE,    /* cycle, reset, diag: done twice is twice */
};

struct ipmi_command {
    const char *name; /* "Chassis Control (power cycle)" */
    uint8_t netfn, command, size, data[IPMI_REQUEST_SIZE];
    enum ipmi_care care;
    bool optional; /* refused or unanswered: go on with the next one */
    bool as_user;  /* takes the privilege any session begins with */
    bool in_full;  /* a question that waits for the privilege: what we get is part of the answer */
};

struct operation {
    struct driver_request request;
    struct driver_reply reply;
    char address[96];     /* for texts: "10.1.0.11" */
    uint64_t deadline_ms; /* the reply is out by then */
    unsigned step;
    bool done;
    bool sent, acknowledged; /* the command that matters, not its preparations */
    bool answered;           /* some optional question was */
    struct operation *next;  /* in a queue */
};

void operation_begin(struct operation *operation, const struct driver_request *request,
                     const char *address);

/* The command to send now; !operation->done. `boot_timer`: stop the BMC's 60 s timer. */
void operation_command(const struct operation *operation, bool boot_timer,
                       struct ipmi_command *out);

/* It is on its way: nobody may call it unsent from here on. */
void operation_sent(struct operation *operation, const struct ipmi_command *command);

/* It was answered: on to the next, or done. */
void operation_answer(struct operation *operation, const struct ipmi_command *command,
                      const struct ipmi_answer *answer);

/* It was refused, but only for now, and will be sent again. */
void operation_busy(struct operation *operation, const struct ipmi_command *command, uint8_t code);

/* A later copy of it was refused, which says nothing about the first. Done. */
void operation_doubt(struct operation *operation, const struct ipmi_command *command, uint8_t code);

/* It was not answered in time, and is not to be sent again. True: go on with the next command;
 * false: the operation cannot go on without it (the caller fails it). */
bool operation_silence(struct operation *operation, const struct ipmi_command *command);

/* Ends it: kind and text as given, `sent` as it stands. */
void operation_fail(struct operation *operation, enum err_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "D4h (insufficient privilege)". */
const char *completion_code_text(uint8_t code, char *buffer, size_t size);

/* Busy now, fine later: C0h, C3h, DFh; for what must not happen twice only C0h, which says
 * that nothing was done. */
bool completion_code_worth_retrying(uint8_t code, enum ipmi_care care);

#endif
