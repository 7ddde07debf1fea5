/* agent, limits, deadlines, bootserver, phone_home, history: keys that are there once, over all files. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "agent/io/conf_private.h"
#include "agent/io/journal.h"
#include "proto/address.h"
#include "proto/cleanup.h"

static void walk_section(struct conf *c, enum section section, struct conf_fields fields,
                         void *place)
{
    for (size_t i = 0; i < c->sections[section].count; i++)
        conf_walk(c, c->sections[section].values[i], fields, place, c->seen[section]);
}

static void read_count(struct conf *c, const struct yaml *value, void *place)
{
    (void)conf_uint(c, value, 1, 1000000, place);
}

static void read_count_or_none(struct conf *c, const struct yaml *value, void *place)
{
    (void)conf_uint(c, value, 0, 1000000, place);
}

static void read_retries(struct conf *c, const struct yaml *value, void *place)
{
    (void)conf_uint(c, value, 0, 100, place);
}

static const struct conf_field limit_fields[] = {
    {"confirm_above", read_count_or_none, offsetof(struct limits, confirm_above)},
    {"power_on_per_second", read_count, offsetof(struct limits, power_on_per_second)},
    {"booting_at_once", read_count, offsetof(struct limits, booting_at_once)},
    {"jobs_kept", read_count, offsetof(struct limits, jobs_kept)},
    {"retries", read_retries, offsetof(struct limits, retries)},
};

/* Seconds, as milliseconds. */
static void read_ms(struct conf *c, const struct yaml *value, uint64_t least, void *place)
{
    uint64_t ms;
    if (!conf_is_text(c, value))
        return;
    if (!conf_thousandths(value->text, &ms))
        conf_error(c, value, "'%.64s' is not a number of seconds ('90' or '0.5')", value->text);
    else if (ms < least || ms > 86400 * 1000)
        conf_error(c, value, "%s s is not between %s and 86400 s (one day)", value->text,
                   least ? "0.001" : "0");
    else
        *(uint32_t *)place = (uint32_t)ms;
}

static void read_deadline(struct conf *c, const struct yaml *value, void *place)
{
    read_ms(c, value, 1, place);
}

static void read_pause(struct conf *c, const struct yaml *value, void *place)
{
    read_ms(c, value, 0, place);
}

#define DEADLINE(field)                                                                            \
    {                                                                                              \
#field, read_deadline, offsetof(struct deadlines, field)                                   \
    }
#define PAUSE(field)                                                                               \
    {                                                                                              \
#field, read_pause, offsetof(struct deadlines, field)                                      \
    }
/* clang-format off */
static const struct conf_field deadline_fields[] = {
    DEADLINE(command), DEADLINE(off), DEADLINE(on), DEADLINE(soft_off), PAUSE(dwell), PAUSE(settle),
    DEADLINE(post), DEADLINE(addressed), DEADLINE(loader), DEADLINE(loader_up), DEADLINE(config),
    DEADLINE(kernel), DEADLINE(initrd), DEADLINE(kernel_up), DEADLINE(root), DEADLINE(up),
    DEADLINE(stall), DEADLINE(missing), DEADLINE(bmc_back), DEADLINE(total),
};
/* clang-format on */

static void read_interfaces(struct conf *c, const struct yaml *value, void *place)
{
    struct bootserver *boot = place;
    const struct yaml *item = value->kind == YAML_LIST ? value->first : value;
    for (; item; item = value->kind == YAML_LIST ? item->next : NULL) {
        if (!conf_is_text(c, item))
            continue;
        if (strlen(item->text) >= sizeof boot->interfaces[0] || strpbrk(item->text, "/ \t"))
            conf_error(c, item, "'%.64s' is not the name of a network interface", item->text);
        else if (boot->ninterfaces == CONF_INTERFACES_MAX)
            conf_error(c, item, "more than %d interfaces", CONF_INTERFACES_MAX);
        else
            memcpy(boot->interfaces[boot->ninterfaces++], item->text, strlen(item->text) + 1);
    }
}

static void read_logs(struct conf *c, const struct yaml *value, void *place)
{
    struct bootserver *boot = place;
    const struct yaml *item = value->kind == YAML_LIST ? value->first : value;
    for (; item; item = value->kind == YAML_LIST ? item->next : NULL) {
        if (boot->nlogs == CONF_LOGS_MAX) {
            conf_error(c, item, "more than %d logs", CONF_LOGS_MAX);
            return;
        }
        conf_read_path(c, item, boot->logs[boot->nlogs]);
        boot->nlogs += boot->logs[boot->nlogs][0] != '\0';
    }
}

static const struct conf_field bootserver_fields[] = {
    {"interfaces", read_interfaces, 0},
    {"tftp_root", conf_read_path, offsetof(struct bootserver, tftp_root)},
    {"logs", read_logs, 0},
};

static void read_listen(struct conf *c, const struct yaml *value, void *place)
{
    char address[64] = "";
    struct ipv4 ip;
    if (!conf_is_text(c, value))
        return;
    const char *colon = strrchr(value->text, ':');
    size_t size = colon ? (size_t)(colon - value->text) : 0;
    if (size && size < sizeof address)
        memcpy(address, value->text, size);
    size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
    unsigned long port = digits && digits < 6 ? strtoul(colon + 1, NULL, 10) : 0;
    if (ipv4_parse(address, &ip) || colon[1 + digits] || !port || port > 65535)
        conf_error(c, value, "'%.64s' is not ADDRESS:PORT (like 10.1.0.1:8670)", value->text);
    else
        memcpy(place, value->text, strlen(value->text) + 1);
}

static const struct conf_field phone_home_fields[] = {
    {"listen", read_listen, offsetof(struct config, phone_home_listen)},
};

/* A key (--key) is known as long as its job is: less than a day would forget last night's. */
static void read_days(struct conf *c, const struct yaml *value, void *place)
{
    (void)conf_uint(c, value, 2, 36500, place);
}

static void read_events(struct conf *c, const struct yaml *value, void *place)
{
    (void)conf_uint(c, value, 1000, 100000000, place);
}

static const struct conf_field history_fields[] = {
    {"keep_days", read_days, offsetof(struct config, keep_days)},
    {"keep_events", read_events, offsetof(struct config, keep_events)},
};

void conf_read_settings(struct conf *c)
{
    c->config->keep_days = JOURNAL_KEEP_DAYS;
    c->config->keep_events = JOURNAL_KEEP_EVENTS;
    walk_section(c, SECTION_HISTORY,
                 (struct conf_fields){history_fields, ARRAY_SIZE(history_fields)}, c->config);
    walk_section(c, SECTION_LIMITS, (struct conf_fields){limit_fields, ARRAY_SIZE(limit_fields)},
                 &c->inventory->limits);
    walk_section(c, SECTION_DEADLINES,
                 (struct conf_fields){deadline_fields, ARRAY_SIZE(deadline_fields)},
                 &c->inventory->deadlines);
    walk_section(c, SECTION_BOOTSERVER,
                 (struct conf_fields){bootserver_fields, ARRAY_SIZE(bootserver_fields)},
                 &c->config->bootserver);
    walk_section(c, SECTION_PHONE_HOME,
                 (struct conf_fields){phone_home_fields, ARRAY_SIZE(phone_home_fields)}, c->config);
}

static void read_socket(struct conf *c, const struct yaml *value, void *place)
{
    enum { MOST = sizeof((struct sockaddr_un *)0)->sun_path - 1 };
    if (value->kind == YAML_TEXT && strlen(value->text) > MOST)
        conf_error(c, value, "the path of a unix socket has at most %d characters", MOST);
    else
        conf_read_path(c, value, place);
}

static const struct conf_field agent_fields[] = {
    {"socket", read_socket, offsetof(struct config, socket)},
    {"socket_group", conf_read_name, offsetof(struct config, socket_group)},
    {"state_dir", conf_read_path, offsetof(struct config, state_dir)},
    {"driver_dir", conf_read_path, offsetof(struct config, driver_dir)},
};

static void put(char place[CONF_PATH_SIZE], const char *text)
{
    (void)snprintf(place, CONF_PATH_SIZE, "%s", text);
}

static bool has_drivers(const char *folder)
{
    char pattern[CONF_PATH_SIZE + 32];
    glob_t found = {0};
    (void)snprintf(pattern, sizeof pattern, "%s/powerctl-driver-*", folder);
    bool has = !glob(pattern, GLOB_NOSORT, NULL, &found) && found.gl_pathc;
    globfree(&found);
    return has;
}

void conf_driver_dir(const char *program, char out[CONF_PATH_SIZE])
{
    char folder[CONF_PATH_SIZE], libexec[CONF_PATH_SIZE + 32];
    struct stat status;
    put(out, "/usr/local/libexec/powerctl");
    put(folder, program);
    char *slash = strrchr(folder, '/');
    if (!slash || strlen(program) >= sizeof folder)
        return;
    *slash = '\0';
    if (has_drivers(folder)) {
        put(out, *folder ? folder : "/");
        return;
    }
    /* The kernel gives the path without links and "..": the text can be cut. */
    slash = strrchr(folder, '/');
    (void)snprintf(libexec, sizeof libexec, "%.*s/libexec/powerctl",
                   slash ? (int)(slash - folder) : 0, folder);
    if (!stat(libexec, &status) && S_ISDIR(status.st_mode) && strlen(libexec) < CONF_PATH_SIZE)
        put(out, libexec);
}

static void find_drivers(char place[CONF_PATH_SIZE])
{
    char program[CONF_PATH_SIZE] = "";
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0)
        program[0] = '\0';
    conf_driver_dir(program, place);
}

void conf_read_agent(struct conf *c)
{
    struct config *config = c->config;
    put(config->socket, "/run/powerctl/powerctl.sock");
    put(config->state_dir, "/var/lib/powerctl");
    find_drivers(config->driver_dir);
    walk_section(c, SECTION_AGENT, (struct conf_fields){agent_fields, ARRAY_SIZE(agent_fields)},
                 config);
    if (c->overrides && c->overrides->socket)
        put(config->socket, c->overrides->socket);
    if (c->overrides && c->overrides->state_dir)
        put(config->state_dir, c->overrides->state_dir);
    if (c->overrides && c->overrides->driver_dir)
        put(config->driver_dir, c->overrides->driver_dir);
}
