/* What is good as text and will not do on this machine. Warnings, because it may come: an interface
 * with its driver, a log with its first line, a serial adapter with its plug. */
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"

static void look_at_interface(struct conf *c, const struct yaml *value)
{
    if (!if_nametoindex(value->text))
        conf_error(c, value, "there is no network interface '%s' here: nothing is seen on it",
                   value->text);
}

static void look_at_log(struct conf *c, const struct yaml *value)
{
    struct stat status;
    _cleanup_(closep) int fd = open(value->text, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        conf_error(c, value, "cannot read %s: %s; it is not followed until that is mended",
                   value->text, strerror(errno));
    else if (!fstat(fd, &status) && S_ISDIR(status.st_mode))
        conf_error(c, value, "%s is a folder, not a log", value->text);
}

static void each_item(struct conf *c, const struct yaml *value,
                      void (*look)(struct conf *c, const struct yaml *value))
{
    if (value->kind == YAML_LIST)
        for (const struct yaml *item = value->first; item; item = item->next)
            look(c, item);
    else
        look(c, value);
}

static const struct yaml *find_next_boot(const struct conf_section *nodes)
{
    for (size_t i = 0; i < nodes->count; i++)
        for (const struct yaml *node = nodes->values[i]->first; node; node = node->next)
            for (const struct yaml *key = node->value->first; key; key = key->next)
                if (!strcmp(key->text, "next_boot"))
                    return key;
    return NULL;
}

/* Told once a line. */
static void look_at_serial(struct conf *c, const struct device *device, const char *line,
                           struct conf_names *lines)
{
    const struct yaml *row = conf_names_find(&c->devices, device->config.device, NULL);
    const struct yaml *key = conf_find_key(row->value, "serial");
    if (conf_names_add(lines, line, row, 0) && access(line, F_OK))
        conf_error(c, key ? key->value : row, "%s: %s; '%s' is unreachable until that is mended",
                   line, strerror(errno), device->config.device);
}

static void look_at_lines(struct conf *c)
{
    struct conf_names lines = {0};
    for (size_t i = 0; i < c->inventory->ndevices; i++) {
        const struct device_config *config = &c->inventory->devices[i].config;
        for (size_t s = 0; s < config->nsettings; s++)
            if (!strcmp(config->settings[s].name, "serial") && config->settings[s].value[0] == '/')
                look_at_serial(c, &c->inventory->devices[i], config->settings[s].value, &lines);
    }
    conf_names_clear(&lines);
}

void conf_look_around(struct conf *c)
{
    look_at_lines(c);
    for (size_t i = 0; i < CONF_FIELDS_MAX; i++) {
        const struct yaml *key = c->seen[SECTION_BOOTSERVER][i];
        if (key && !strcmp(key->text, "interfaces"))
            each_item(c, key->value, look_at_interface);
        else if (key && !strcmp(key->text, "logs"))
            each_item(c, key->value, look_at_log);
    }
    const struct yaml *next_boot = find_next_boot(&c->sections[SECTION_NODES]);
    if (next_boot && !c->inventory->sees_boots)
        conf_error(c, next_boot,
                   "nothing will be seen of a network boot: bootserver names no interfaces and no "
                   "logs");
}
