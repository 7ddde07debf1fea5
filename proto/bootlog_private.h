/* bootlog_private.h - one reader a program. `message` is what follows "program[pid]: ". */
#ifndef POWERCTL_BOOTLOG_PRIVATE_H
#define POWERCTL_BOOTLOG_PRIVATE_H

#include "proto/bootlog.h"

typedef bool bootlog_reader_fn(struct bootlog *log, uint32_t pid, const char *message,
                               struct note *note);

bootlog_reader_fn bootlog_dnsmasq_dhcp;
bootlog_reader_fn bootlog_dnsmasq_tftp;
bootlog_reader_fn bootlog_dhcpd;
bootlog_reader_fn bootlog_kea;
bootlog_reader_fn bootlog_hpa;
bootlog_reader_fn bootlog_rarpd;
bootlog_reader_fn bootlog_mountd;
bool bootlog_nginx(const char *line, struct note *note);

#endif
