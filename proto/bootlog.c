#include "proto/bootlog.h"

#include <string.h>

#include "proto/bootlog_private.h"
#include "proto/cleanup.h"
#include "proto/scan.h"

static const struct {
    const char *program;
    bootlog_reader_fn *read;
} readers[] = {
    {"dnsmasq-dhcp", bootlog_dnsmasq_dhcp},
    {"dnsmasq-tftp", bootlog_dnsmasq_tftp},
    {"dhcpd", bootlog_dhcpd},
    {"kea-dhcp4", bootlog_kea},
    {"in.tftpd", bootlog_hpa},
    {"tftpd", bootlog_hpa},
    {"rarpd", bootlog_rarpd},
    {"rpc.mountd", bootlog_mountd},
};

static bool scan_digits(const char **at, const char *shape)
{
    const char *c = *at;
    for (; *shape; shape++, c++)
        if (*shape == '9' ? *c < '0' || *c > '9' : *c != *shape)
            return false;
    *at = c;
    return true;
}

static void skip_clock(const char **at)
{
    if (!scan_digits(at, "99:99:99"))
        return;
    if (**at == '.' || **at == ',')
        *at += 1 + strspn(*at + 1, "0123456789");
    if (**at == 'Z')
        (*at)++;
    else if ((**at == '+' || **at == '-') && (*at)[1])
        *at += 1 + strspn(*at + 1, "0123456789:");
}

/* "Nov 22 14:14:29 ", "2026-11-22T14:25:29.424742+00:00 ", "2026-11-22 14:27:54.637 " (Kea),
 * "1795359298.856873 " (a log made by a pipe), or nothing (the journal's message). */
static void skip_time(const char **at)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    const char *c = *at;
    uint64_t number;
    if (scan_digits(&c, "9999-99-99") && (*c == 'T' || *c == ' ')) {
        c++;
        skip_clock(&c);
    } else if (strlen(c) > 4 && c[3] == ' ' && memmem(months, sizeof months - 1, c, 3)) {
        c += 3;
        c += strspn(c, " ");
        c += strspn(c, "0123456789");
        c += strspn(c, " ");
        skip_clock(&c);
    } else {
        c = *at;
        if (!scan_number(&c, &number) || *c++ != '.' || !scan_number(&c, &number))
            return;
    }
    if (scan_blank(&c))
        *at = c;
}

/* "program[pid]: ", or "program: ". */
static bool scan_program(const char **at, const char *program, uint32_t *pid)
{
    const char *c = *at;
    uint64_t number = 0;
    if (!scan_text(&c, program))
        return false;
    if (scan_text(&c, "[") && (!scan_number(&c, &number) || !scan_text(&c, "]")))
        return false;
    if (!scan_text(&c, ": "))
        return false;
    *pid = (uint32_t)number;
    *at = c;
    return true;
}

static bool read_as(struct bootlog *log, const char *at, struct note *note, bool *known)
{
    uint32_t pid;
    for (size_t i = 0; i < ARRAY_SIZE(readers); i++)
        if (scan_program(&at, readers[i].program, &pid)) {
            *known = true;
            return readers[i].read(log, pid, at, note);
        }
    return false;
}

bool bootlog_line(struct bootlog *log, const char *line, struct note *note)
{
    struct note out = {.source = NOTE_LOG};
    const char *at = line;
    bool known = false;
    skip_time(&at);
    bool is_note = read_as(log, at, &out, &known);
    const char *host_end = strchr(at, ' ');
    if (!known && host_end)
        is_note = read_as(log, host_end + 1, &out, &known); /* a host field stands before */
    if (!known)
        is_note = bootlog_kea(log, 0, at, &out) || bootlog_nginx(line, &out);
    if (is_note)
        *note = out;
    return is_note;
}
