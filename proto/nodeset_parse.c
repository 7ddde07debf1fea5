#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "proto/cleanup.h"
#include "proto/nodeset_private.h"

enum {
    DEPTH_MAX = 16,
    /* Names looked at for one expression, groups and patterns included: "@all!@all,@all!..." in
     * 64 KiB would otherwise keep the agent from its work for minutes. */
    WORK_MAX = 64 * NODESET_MAX,
};

/* One expression on its way; groups make a chain of them. */
struct parser {
    const char *text, *at;
    const struct nodeset_source *source;
    struct members members;
    struct parser *outer; /* whose group this is */
    const char *group;    /* this one's name; NULL: the outermost */
    unsigned depth;
    size_t *work;
    const char *operand; /* where the present one begins */
    char *warning;
    struct err *err;
};

static int evaluate(struct parser *p);

static int count_work(struct parser *p, size_t names)
{
    *p->work += names;
    if (*p->work > WORK_MAX)
        return complain(p->err, p->text, p->operand, "too much work: simplify the expression");
    return 0;
}

static int take(struct parser *p, const char *name, size_t size)
{
    if (!members_take(&p->members, name, size, p->err))
        return 0;
    return p->err && p->err->kind == ERR_USAGE
               ? complain(p->err, p->text, p->operand, "more than %d names", NODESET_MAX)
               : -1;
}

/* '*' stands for any text, also none. */
static bool matches(const char *pattern, const char *name)
{
    const char *star = NULL, *retry = NULL;
    while (*name)
        if (*pattern == '*') {
            star = ++pattern;
            retry = name;
        } else if (*pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star;
            name = ++retry;
        } else {
            return false;
        }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

static int take_wildcard(struct parser *p, const char *pattern)
{
    const struct nodeset_source *source = p->source;
    if (!source || !source->each)
        return complain(p->err, p->text, p->operand, "'*' cannot be used here");
    size_t found = 0;
    const char *name;
    for (size_t i = 0; (name = source->each(source->arg, i)); i++) {
        if (count_work(p, 1))
            return -1;
        if (!matches(pattern, name))
            continue;
        found++;
        if (take(p, name, strlen(name)))
            return -1;
    }
    if (!found)
        return complain(p->err, p->text, p->operand, "no node matches '%s'", quote(pattern).text);
    return 0;
}

/* The one known name that differs in case only; NULL if there is none, or more than one. */
static const char *other_case(const struct nodeset_source *source, const char *name)
{
    const char *found = NULL, *known;
    if (!source->each)
        return NULL;
    for (size_t i = 0; (known = source->each(source->arg, i)); i++)
        if (!strcasecmp(known, name)) {
            if (found)
                return NULL;
            found = known;
        }
    return found;
}

static int complain_unknown(struct parser *p, const char *name)
{
    const struct nodeset_source *source = p->source;
    char text[160];
    if (source->unknown && source->unknown(source->arg, name, text, sizeof text))
        return complain(p->err, p->text, p->operand, "%s", text);
    const char *meant = other_case(source, name);
    if (meant)
        return complain(p->err, p->text, p->operand, "no node is called '%s'; did you mean '%s'?",
                        quote(name).text, meant);
    return complain(p->err, p->text, p->operand, "no node is called '%s'", quote(name).text);
}

static int take_name(void *arg, const char *name, size_t size)
{
    struct parser *p = arg;
    if (count_work(p, 1))
        return -1;
    if (memchr(name, '*', size))
        return take_wildcard(p, name);
    if (!name_valid_node(name))
        return size >= NAME_SIZE
                   ? complain(p->err, p->text, p->operand, "'%s' is longer than %d characters",
                              quote(name).text, NAME_SIZE - 1)
                   : complain(p->err, p->text, p->operand,
                              "'%s': a name begins with a letter or a digit", quote(name).text);
    if (p->source && p->source->known && !p->source->known(p->source->arg, name))
        return complain_unknown(p, name);
    return take(p, name, size);
}

static bool is_inside(const struct parser *p, const char *group)
{
    for (; p; p = p->outer)
        if (p->group && !strcmp(p->group, group))
            return true;
    return false;
}

static int take_group(void *arg, const char *name, size_t size)
{
    struct parser *p = arg;
    (void)size;
    if (!name_valid(name))
        return complain(p->err, p->text, p->operand, "'@%s' is not the name of a group",
                        quote(name).text);
    const char *expression =
        p->source && p->source->group ? p->source->group(p->source->arg, name) : NULL;
    if (!expression)
        return complain(p->err, p->text, p->operand, "no group is called '@%s'", quote(name).text);
    if (is_inside(p, name))
        return complain(p->err, p->text, p->operand, "the group '@%s' contains itself",
                        quote(name).text);
    if (p->depth == DEPTH_MAX)
        return complain(p->err, p->text, p->operand, "groups in groups, more than %d deep",
                        DEPTH_MAX);

    struct parser inner = {
        .text = expression,
        .at = expression,
        .source = p->source,
        .outer = p,
        .group = name,
        .depth = p->depth + 1,
        .work = p->work,
        .warning = p->warning,
        .err = p->err,
    };
    int rc = evaluate(&inner);
    if (rc) {
        (void)err_prefix(p->err, "column %zu: in @%s", (size_t)(p->operand - p->text) + 1, name);
    } else {
        rc = count_work(p, 1 + inner.members.count);
        for (size_t i = 0; !rc && i < inner.members.names.count; i++) {
            const struct name_entry *entry = &inner.members.names.entries[i];
            if (entry->member)
                rc = take(p, entry->name, entry->size);
        }
    }
    members_clear(&inner.members);
    return rc;
}

/* What people write that is no operand, and what they may have meant. */
static int complain_operand(struct parser *p)
{
    const char *at = p->at;
    if (!*at)
        return complain(p->err, p->text, at,
                        at == p->text ? "no nodes are given" : "a name is missing at the end");
    if (*at == '-')
        return complain(p->err, p->text, at, "'%s': to leave nodes out, write '!%s'",
                        quote(at).text, quote(at + 1).text);
    return complain(p->err, p->text, at, "a name is missing before '%s'", quote(at).text);
}

static int parse_operand(struct parser *p, enum set_operator op)
{
    p->operand = p->at;
    bool group = *p->at == '@';
    const char *start = p->at + group;
    if (!is_letter_or_digit(*start) && *start != '[' && *start != '*' && *start != ']')
        if (!*start || strchr(",!&^-@ \t\r\n", *start))
            return group ? complain(p->err, p->text, p->at, "the name of a group is missing")
                         : complain_operand(p);

    struct pattern pattern;
    members_begin(&p->members, op);
    int rc = pattern_parse(&pattern, p->text, start, PATTERN_OPERAND, p->err);
    if (!rc)
        rc = pattern_expand(&pattern, group ? take_group : take_name, p, p->err);
    if (!rc)
        p->at = pattern.end;
    pattern_clear(&pattern);
    if (rc)
        return rc;

    if (op == SET_INTERSECT && count_work(p, p->members.names.count))
        return -1;
    members_end(&p->members);
    if (op == SET_EXCLUDE && !p->members.changed && p->warning && !p->warning[0])
        (void)snprintf(p->warning, 256, "'!%.*s' leaves nothing out",
                       (int)(p->at - p->operand < 60 ? p->at - p->operand : 60), p->operand);
    return 0;
}

/* The operator that comes next, behind blanks; blanks alone are a ','. False at the end. */
static bool next_operator(struct parser *p, enum set_operator *op)
{
    while (is_blank(*p->at))
        p->at++;
    switch (*p->at) {
    case '\0':
        return false;
    case ',':
        *op = SET_UNION;
        break;
    case '!':
        *op = SET_EXCLUDE;
        break;
    case '&':
        *op = SET_INTERSECT;
        break;
    case '^':
        *op = SET_XOR;
        break;
    default:
        *op = SET_UNION;
        return true;
    }
    p->at++;
    while (is_blank(*p->at))
        p->at++;
    return true;
}

static int evaluate(struct parser *p)
{
    enum set_operator op = SET_UNION;
    while (is_blank(*p->at))
        p->at++;
    do
        if (parse_operand(p, op))
            return -1;
    while (next_operator(p, &op));
    if (!p->members.count)
        return complain(p->err, p->text, p->text, "no node is left of '%s'", quote(p->text).text);
    return 0;
}

int nodeset_parse(const char *text, const struct nodeset_source *source, struct nodeset **out,
                  char warning[256], struct err *err)
{
    size_t work = 0;
    struct err ignored;
    struct parser p = {
        .text = text,
        .at = text,
        .source = source,
        .work = &work,
        .warning = warning,
        .err = err ? err : &ignored,
    };
    if (warning)
        warning[0] = '\0';
    int rc = evaluate(&p);
    struct nodeset *set = rc ? NULL : members_nodeset(&p.members);
    members_clear(&p.members);
    if (rc)
        return rc;
    if (!set)
        return err_set(err, ERR_SYSTEM, "no memory for a set of nodes");
    *out = set;
    return 0;
}

size_t nodeset_error_column(const char *text, const char **rest)
{
    static const char word[] = "column ";
    char *end;
    *rest = text;
    if (strncmp(text, word, sizeof word - 1))
        return 0;
    unsigned long column = strtoul(text + sizeof word - 1, &end, 10);
    if (strncmp(end, ": ", 2))
        return 0;
    *rest = end + 2;
    return column;
}
