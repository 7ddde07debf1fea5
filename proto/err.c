#include "proto/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "proto/cleanup.h"

static const char *const kinds[ERR_KINDS] = {
    [ERR_NONE] = "none",           [ERR_USAGE] = "usage",
    [ERR_CONFIG] = "config",       [ERR_DENIED] = "denied",
    [ERR_CONFIRM] = "confirm",     [ERR_BUSY] = "busy",
    [ERR_NOT_FOUND] = "not-found", [ERR_UNREACHABLE] = "unreachable",
    [ERR_TIMEOUT] = "timeout",     [ERR_AUTH] = "auth",
    [ERR_PROTOCOL] = "protocol",   [ERR_UNSUPPORTED] = "unsupported",
    [ERR_DEVICE] = "device",       [ERR_LIMIT] = "limit",
    [ERR_SYSTEM] = "system",
};

static const char *const sents[] = {
    [SENT_NO] = "no",
    [SENT_MAYBE] = "maybe",
    [SENT_YES] = "yes",
};

/* Texts carry bytes of foreign peers: nothing of theirs may move a cursor or forge a line. */
static void make_printable(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}

static void set(struct err *err, enum err_kind kind, enum sent sent, const char *format,
                va_list args) __attribute__((format(printf, 4, 0)));
static void set(struct err *err, enum err_kind kind, enum sent sent, const char *format,
                va_list args)
{
    char text[sizeof err->text]; /* the old text may be among the arguments */
    (void)vsnprintf(text, sizeof text, format, args);
    make_printable(text);
    err->kind = kind;
    err->sent = sent;
    memcpy(err->text, text, sizeof text);
}

int err_set(struct err *err, enum err_kind kind, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        set(err, kind, SENT_NO, format, args);
        va_end(args);
    }
    return -1;
}

int err_set_sent(struct err *err, enum err_kind kind, enum sent sent, const char *format, ...)
{
    if (err) {
        va_list args;
        va_start(args, format);
        set(err, kind, sent, format, args);
        va_end(args);
    }
    return -1;
}

int err_prefix(struct err *err, const char *format, ...)
{
    if (err) {
        char prefix[sizeof err->text], whole[2 * sizeof err->text];
        va_list args;
        va_start(args, format);
        (void)vsnprintf(prefix, sizeof prefix, format, args);
        va_end(args);
        (void)snprintf(whole, sizeof whole, "%s: %s", prefix, err->text);
        whole[sizeof err->text - 1] = '\0';
        make_printable(whole);
        memcpy(err->text, whole, sizeof err->text);
    }
    return -1;
}

const char *err_kind_name(enum err_kind kind)
{
    return kinds[kind];
}

int err_kind_parse(const char *word, enum err_kind *kind)
{
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (!strcmp(word, kinds[i])) {
            *kind = (enum err_kind)i;
            return 0;
        }
    return -1;
}

const char *sent_name(enum sent sent)
{
    return sents[sent];
}

int sent_parse(const char *word, enum sent *sent)
{
    for (size_t i = 0; i < ARRAY_SIZE(sents); i++)
        if (!strcmp(word, sents[i])) {
            *sent = (enum sent)i;
            return 0;
        }
    return -1;
}
