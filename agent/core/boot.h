/* boot.h - the stage machine of one network boot: from the power edge to a node that is up.
 *
 * (boot, sign, now) -> stage.  A sign is a boot note that correlate.c has tied to this node and
 * attempt; the matrix in boot.c says for each stage what each sign means.  A missed deadline is
 * the sign NOTHING, and its verdict comes from what was and was not seen until then.
 *
 * A later sign proves the earlier stages: who asks for the RAM disk has the kernel.  But UP needs
 * a loader or kernel transfer seen in this attempt: an operating system that speaks without one
 * came from the disk.  Nothing here acts: the caller tells the world and arms the timer. */
#ifndef POWERCTL_BOOT_H
#define POWERCTL_BOOT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/core/inventory.h"
#include "proto/note.h"
#include "proto/words.h"

enum sign {
    SIGN_POWER,   /* seen on after off, or its restart is proven */
    SIGN_ASKS,    /* firmware asks for an address: RARP, BOOTP, DHCPDISCOVER of its class */
    SIGN_ADDRESS, /* and got it */
    SIGN_LOADER,  /* loader fetched whole */
    SIGN_SPEAKS,  /* the loader asks for something itself */
    SIGN_CONFIG,  /* its config fetched whole */
    SIGN_KERNEL,  /* kernel fetched whole */
    SIGN_INITRD,  /* RAM disk fetched whole */
    SIGN_SYSTEM,  /* an operating system's DHCP, or NFS */
    SIGN_ROOT,    /* root mounted */
    SIGN_ALIVE,   /* phoned home, or its port answers */
    SIGN_NOTHING, /* the deadline passed */
    SIGNS
};

/* What a file is for, told by its name (boot_file_role). */
enum file_role {
    ROLE_OTHER,
    ROLE_LOADER,
    ROLE_PART, /* of a loader, which therefore runs: ldlinux.c32, grub modules */
    ROLE_CONFIG,
    ROLE_KERNEL,
    ROLE_INITRD,
    ROLE_ROOT,
    ROLES
};

struct transfer {
    bool active;
    enum file_role role;
    uint16_t port; /* of the node: tells a second transfer from a retransmission */
    char file[NOTE_FILE_SIZE];
    uint64_t bytes, total;
};

struct boot {
    enum stage stage;
    enum verdict verdict; /* set once, then the machine stands still */
    uint64_t since_ms;    /* stage reached */
    uint64_t deadline_ms; /* UINT64_MAX: waits for nothing */
    uint32_t rounds;      /* how often the firmware started over after a loader */
    bool wanted_netboot;  /* else any boot will do, and the disk is no failure */
    bool port_was_closed; /* since the power edge */
    bool captured;        /* packets of this attempt were seen: logs only annotate */
    bool resumed;         /* nobody looked for a part of it: what was not seen may have been */
    bool unwatched;       /* likewise: the packet tap died in it */
    bool heard;           /* it was seen since */
    struct transfer transfer;
    /* Hints for the verdict, since the last step */
    bool offered, asked_another, naked, refused;
    struct ipv4 offer_server;
    enum file_role missing_role;
    bool missing;
    char missing_file[NOTE_FILE_SIZE];
    char reason[NOTE_REASON_SIZE];  /* of a refusal or NAK */
    char boot_file[NOTE_FILE_SIZE]; /* as the DHCP answer named it */
    char evidence[160];             /* the last thing seen, for people */
};

/* A new attempt: nothing seen yet, waiting for no one. */
void boot_begin(struct boot *boot, bool wanted_netboot);

/* As far as an earlier agent saw it come, with the patience of that stage from now on. `off_seen`:
 * its power was seen to go, so that an open port cannot be the boot before. */
void boot_resume(struct boot *boot, enum stage stage, bool off_seen,
                 const struct deadlines *deadlines, uint64_t now_ms);

/* Packets may have been missed just now; what the logs say counts from here on. */
void boot_missed(struct boot *boot);

/* True if stage or verdict changed. `deadlines` gives the patience of the stage entered. */
bool boot_step(struct boot *boot, enum sign sign, const struct deadlines *deadlines,
               uint64_t now_ms);

/* Transfers move within a stage. True if the percent or file shown changed. */
bool boot_transfer_asked(struct boot *boot, const struct note *note,
                         const struct deadlines *deadlines, uint64_t now_ms);
bool boot_transfer_moved(struct boot *boot, const struct note *note,
                         const struct deadlines *deadlines, uint64_t now_ms);
/* Done or given up: the stage's own patience counts again. */
void boot_transfer_ended(struct boot *boot, const struct deadlines *deadlines, uint64_t now_ms);
void boot_file_missing(struct boot *boot, const struct note *note,
                       const struct deadlines *deadlines, uint64_t now_ms);

/* What a boot note says about this boot: signs, transfers and hints (sight.c). The note is about
 * this node; whether it is about this attempt is decided here. */
bool boot_see(struct boot *boot, const struct note *note, const struct deadlines *deadlines,
              uint64_t now_ms);

/* -1: not known. */
int boot_percent(const struct boot *boot);

/* Judged by base name and folder; `boot_file` is what DHCP named ("" if not known). */
enum file_role boot_file_role(const char *file, const char *boot_file);

/* One cell, for the test that prints the matrix: the stage entered, or -1 nothing new, -2 starts
 * over, -3 booted local, -4 stuck. */
int boot_cell(enum stage stage, enum sign sign);
const char *sign_name(enum sign sign);

#endif
