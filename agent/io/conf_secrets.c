/* credentials: users, and passwords from files that only their owner can read. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"

struct entry {
    struct driver_credentials *credentials;
    const struct yaml *password_file;
};

static void read_user(struct conf *c, const struct yaml *value, void *place)
{
    struct entry *entry = place;
    if (!conf_is_text(c, value))
        return;
    if (strlen(value->text) >= sizeof entry->credentials->user)
        conf_error(c, value, "a user name of more than %zu characters",
                   sizeof entry->credentials->user - 1);
    else
        memcpy(entry->credentials->user, value->text, strlen(value->text) + 1);
}

/* Says why the file cannot be trusted with a password, if it cannot. */
static bool is_private(struct conf *c, const struct yaml *at, const char *path, int fd)
{
    struct stat status;
    if (fstat(fd, &status))
        conf_error(c, at, "cannot look at %s: %s", path, strerror(errno));
    else if (!S_ISREG(status.st_mode))
        conf_error(c, at, "%s is not a regular file", path);
    else if (status.st_uid != 0 && status.st_uid != geteuid())
        conf_error(c, at, "%s belongs to user %u, who could change it; run: chown %u %s", path,
                   status.st_uid, geteuid(), path);
    else if (status.st_mode & 077)
        conf_error(c, at, "%s can be read or changed by others (mode %04o); run: chmod 600 %s",
                   path, status.st_mode & 07777, path);
    else
        return true;
    return false;
}

static void read_password(struct conf *c, const struct yaml *at, const char *path, int fd,
                          struct secret *password)
{
    char bytes[sizeof password->bytes + 2] = ""; /* a longer one shows, even with "\r\n" */
    size_t size = 0;
    ssize_t got;
    while (size < sizeof bytes &&
           ((got = read(fd, bytes + size, sizeof bytes - size)) > 0 || (got < 0 && errno == EINTR)))
        size += got > 0 ? (size_t)got : 0;
    if (size && bytes[size - 1] == '\n')
        size--;
    if (size && bytes[size - 1] == '\r')
        size--;
    if (!size)
        conf_error(c, at, "%s is empty", path);
    else if (size >= sizeof password->bytes)
        conf_error(c, at, "the password in %s has more than %zu characters", path,
                   sizeof password->bytes - 1);
    else if (memchr(bytes, '\0', size) || memchr(bytes, '\n', size))
        conf_error(c, at, "%s is not one line of text", path);
    else
        memcpy(password->bytes, bytes, size);
    explicit_bzero(bytes, sizeof bytes);
}

static void read_password_file(struct conf *c, const struct yaml *value, void *place)
{
    struct entry *entry = place;
    char path[CONF_PATH_SIZE];
    entry->password_file = value;
    if (!conf_is_text(c, value))
        return;
    if (conf_path(value, path)) {
        conf_error(c, value, "a path of more than %d characters", CONF_PATH_SIZE - 1);
        return;
    }
    if (c->memory_only)
        return;
    _cleanup_(closep) int fd =
        open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0 && errno == ELOOP)
        conf_error(c, value, "%s is a symbolic link; name the file itself", path);
    else if (fd < 0)
        conf_error(c, value, "cannot read %s: %s", path, strerror(errno));
    else if (is_private(c, value, path, fd))
        read_password(c, value, path, fd, &entry->credentials->password);
}

static const struct conf_field fields[] = {
    {"user", read_user, 0},
    {"password_file", read_password_file, 0},
};

static void read_entry(struct conf *c, const struct yaml *key, struct driver_credentials *place)
{
    const struct yaml *seen[CONF_FIELDS_MAX] = {0};
    struct entry entry = {.credentials = place};
    memcpy(place->name, key->text, strlen(key->text) + 1);
    conf_walk(c, key->value, (struct conf_fields){fields, ARRAY_SIZE(fields)}, &entry, seen);
    for (size_t i = 0; key->value->kind == YAML_MAP && i < ARRAY_SIZE(fields); i++)
        if (!seen[i])
            conf_error(c, key, "credentials '%s' have no '%s'", key->text, fields[i].name);
}

static void read_map(struct conf *c, const struct yaml *map)
{
    for (const struct yaml *key = map->first; key; key = key->next) {
        const struct yaml *first = conf_names_find(&c->credentials, key->text, NULL);
        if (!conf_is_name(c, key))
            continue;
        if (first) {
            conf_error(c, key, "two credentials are called '%s'; the first are at %s:%u:%u",
                       key->text, first->file->name, first->line, first->column);
            continue;
        }
        if (!conf_names_add(&c->credentials, key->text, key, 0))
            conf_no_memory(c);
        read_entry(c, key, &c->config->credentials[c->config->ncredentials++]);
    }
}

void conf_read_credentials(struct conf *c)
{
    size_t most = 0;
    for (size_t i = 0; i < c->sections[SECTION_CREDENTIALS].count; i++)
        most += c->sections[SECTION_CREDENTIALS].values[i]->count;
    c->config->credentials = calloc(most + 1, sizeof *c->config->credentials);
    if (!c->config->credentials) {
        conf_no_memory(c);
        return;
    }
    for (size_t i = 0; i < c->sections[SECTION_CREDENTIALS].count; i++)
        if (conf_is_map(c, c->sections[SECTION_CREDENTIALS].values[i]))
            read_map(c, c->sections[SECTION_CREDENTIALS].values[i]);
}
