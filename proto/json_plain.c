#include "proto/json_plain.h"

#include <string.h>

struct reader {
    struct plain *out;
    char *at;
};

static bool take(struct reader *r, char c)
{
    if (*r->at != c)
        return false;
    r->at++;
    return true;
}

/* Ends it with a NUL where its second quote was. */
static const char *take_text(struct reader *r)
{
    if (!take(r, '"'))
        return NULL;
    const char *text = r->at;
    while (*r->at >= ' ' && *r->at < 0x7f && *r->at != '"' && *r->at != '\\')
        r->at++;
    if (*r->at != '"')
        return NULL;
    *r->at++ = '\0';
    return text;
}

static bool take_integer(struct reader *r, int64_t *out)
{
    enum { DIGITS_MAX = 18 };
    bool negative = take(r, '-');
    const char *digits = r->at;
    int64_t value = 0;
    while (*r->at >= '0' && *r->at <= '9' && r->at - digits < DIGITS_MAX)
        value = value * 10 + (*r->at++ - '0');
    if (r->at == digits || (*digits == '0' && r->at - digits > 1))
        return false;
    *out = negative ? -value : value;
    return true; /* a digit, dot or exponent that follows is no comma: not plain */
}

static bool is_new(const struct plain *out, size_t first, size_t place)
{
    for (size_t i = first; i < place; i += 1 + out->member[i].inside)
        if (!strcmp(out->member[i].key, out->member[place].key))
            return false;
    return true;
}

static bool take_key(struct reader *r, size_t first, struct plain_member **member)
{
    struct plain *out = r->out;
    if (out->count == PLAIN_MEMBERS)
        return false;
    *member = &out->member[out->count];
    (*member)->inside = 0;
    (*member)->key = take_text(r);
    return (*member)->key && take(r, ':') && is_new(out, first, out->count++);
}

static bool take_string(struct reader *r, struct plain_member *member)
{
    member->kind = PLAIN_TEXT;
    member->text = take_text(r);
    return member->text != NULL;
}

/* Of strings only: one level is deep enough. */
static bool take_inner(struct reader *r, struct plain_member *object)
{
    size_t first = r->out->count;
    struct plain_member *member;
    object->kind = PLAIN_OBJECT;
    if (take(r, '}'))
        return true;
    do {
        if (!take_key(r, first, &member) || !take_string(r, member))
            return false;
    } while (take(r, ','));
    object->inside = r->out->count - first;
    return take(r, '}');
}

static bool take_value(struct reader *r, struct plain_member *member)
{
    if (*r->at == '"')
        return take_string(r, member);
    if (take(r, '{'))
        return take_inner(r, member);
    member->kind = PLAIN_INTEGER;
    return take_integer(r, &member->integer);
}

bool plain_read(const char *line, struct plain *out)
{
    size_t length = strnlen(line, PLAIN_LINE_SIZE);
    struct reader r = {.out = out, .at = out->bytes};
    struct plain_member *member;
    if (length == PLAIN_LINE_SIZE)
        return false;
    memcpy(out->bytes, line, length + 1);
    out->count = 0;
    if (!take(&r, '{'))
        return false;
    do {
        if (!take_key(&r, 0, &member) || !take_value(&r, member))
            return false;
    } while (take(&r, ','));
    return take(&r, '}') && !*r.at;
}
