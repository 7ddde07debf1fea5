#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/nodeset_private.h"

int complain(struct err *err, const char *text, const char *at, const char *format, ...)
{
    char what[224];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return err_set(err, ERR_USAGE, "column %zu: %s", (size_t)(at - text) + 1, what);
}

struct quote quote(const char *at)
{
    struct quote out = {""};
    size_t n = 0;
    for (; at[n] && !is_blank(at[n]) && n + 4 < sizeof out.text; n++)
        out.text[n] = at[n] > ' ' && at[n] <= '~' ? at[n] : '?';
    if (at[n] && !is_blank(at[n]))
        memcpy(out.text + n, "...", 4);
    return out;
}

static bool is_operator(char c)
{
    return c == ',' || c == '!' || c == '&' || c == '^';
}

/* Says what is wrong with a character outside of brackets, if anything is. */
static int check_literal(const struct pattern *pattern, const char *at, struct err *err)
{
    if (*at == ']')
        return complain(err, pattern->text, at, "']' without '[' in '%s'",
                        quote(pattern->start).text);
    bool good = false;
    switch (pattern->place) {
    case PATTERN_OPERAND:
        good = is_name_char(*at) || *at == '*' || *at == '/';
        break;
    case PATTERN_SETTING:
        good = *at > ' ' && *at <= '~' && !is_operator(*at) && *at != '*' && *at != '@';
        break;
    }
    if (good)
        return 0;
    return complain(err, pattern->text, at, "'%c' cannot stand in a name ('%s')",
                    *at > ' ' && *at <= '~' ? *at : '?', quote(pattern->start).text);
}

/* Says why there is no number here. */
static int complain_number(const struct pattern *pattern, const char *at, struct err *err)
{
    struct quote whole = quote(pattern->start);
    if (!*at)
        return complain(err, pattern->text, at, "']' is missing: '%s'", whole.text);
    if (*at == '[')
        return complain(err, pattern->text, at, "brackets inside brackets: '%s'", whole.text);
    if (is_blank(*at))
        return complain(err, pattern->text, at, "a blank inside brackets, after '%s'", whole.text);
    return complain(err, pattern->text, at, "a number is missing before '%s' in '%s'",
                    quote(at).text, whole.text);
}

struct number {
    uint32_t value;
    uint32_t ndigits;
    bool padded;
};

static int parse_number(const struct pattern *pattern, const char **at, struct number *out,
                        struct err *err)
{
    const char *start = *at, *end = start;
    struct number number = {.padded = start[0] == '0' && is_digit(start[1])};
    if (!is_digit(*start))
        return complain_number(pattern, start, err);
    for (; is_digit(*end); end++) {
        if (end - start == PATTERN_DIGITS_MAX)
            return complain(err, pattern->text, start, "'%s' has more than %d digits",
                            quote(start).text, PATTERN_DIGITS_MAX);
        number.value = number.value * 10 + (uint32_t)(*end - '0');
    }
    number.ndigits = (uint32_t)(end - start);
    *at = end;
    *out = number;
    return 0;
}

/* "1", "01-16", "1-9/2". */
static int parse_range(const struct pattern *pattern, const char **at, struct range *out,
                       struct err *err)
{
    const char *start = *at;
    struct number first, last, step = {.value = 1};
    if (parse_number(pattern, at, &first, err))
        return -1;
    last = first;
    if (**at == '-') {
        *at += 1;
        if (parse_number(pattern, at, &last, err))
            return -1;
        if (**at == '/') {
            *at += 1;
            if (parse_number(pattern, at, &step, err))
                return -1;
        }
    }
    if ((last.padded && last.ndigits != first.ndigits) ||
        (first.padded && last.ndigits < first.ndigits))
        return complain(err, pattern->text, start, "the ends of '%s' are padded differently",
                        quote(start).text);
    if (last.value < first.value)
        return complain(err, pattern->text, start, "the range '%s' runs backwards",
                        quote(start).text);
    if (!step.value)
        return complain(err, pattern->text, start, "the step of '%s' is 0", quote(start).text);
    *out = (struct range){first.value, last.value, step.value, first.padded ? first.ndigits : 0};
    return 0;
}

static int add_range(struct pattern *pattern, struct range range, struct err *err)
{
    if (pattern->nranges == pattern->ranges_size) {
        size_t size = pattern->ranges_size ? 2 * pattern->ranges_size : 8;
        struct range *ranges = realloc(pattern->ranges, size * sizeof *ranges);
        if (!ranges)
            return err_set(err, ERR_SYSTEM, "no memory for %zu ranges", size);
        pattern->ranges = ranges;
        pattern->ranges_size = size;
    }
    pattern->ranges[pattern->nranges++] = range;
    return 0;
}

static int complain_size(const struct pattern *pattern, struct err *err)
{
    return complain(err, pattern->text, pattern->start, "'%s' stands for more than %d names",
                    quote(pattern->start).text, NODESET_MAX);
}

/* From behind '[' to behind ']'. The size is known before a single name is made. */
static int parse_bracket(struct pattern *pattern, struct part *part, const char **at,
                         struct err *err)
{
    size_t count = 0;
    part->first_range = pattern->nranges;
    for (;;) {
        struct range range = {0};
        if (parse_range(pattern, at, &range, err))
            return -1;
        count += (range.last - range.first) / range.step + 1;
        if (count > NODESET_MAX)
            return complain_size(pattern, err);
        if (add_range(pattern, range, err))
            return -1;
        part->nranges++;
        if (**at == ']')
            break;
        if (**at != ',')
            return **at && !is_blank(**at) && **at != '['
                       ? complain(err, pattern->text, *at, "'%s' does not belong in brackets",
                                  quote(*at).text)
                       : complain_number(pattern, *at, err);
        *at += 1;
    }
    *at += 1;
    pattern->count *= count;
    return pattern->count > NODESET_MAX ? complain_size(pattern, err) : 0;
}

static bool pattern_ends(const struct pattern *pattern, char c)
{
    return !c || (pattern->place == PATTERN_OPERAND && (is_blank(c) || is_operator(c)));
}

static int parse_part(struct pattern *pattern, const char **at, struct err *err)
{
    if (pattern->nparts == PATTERN_PARTS_MAX)
        return complain(err, pattern->text, *at, "too many brackets in '%s'",
                        quote(pattern->start).text);
    struct part *part = &pattern->parts[pattern->nparts++];
    *part = (struct part){.text = *at};
    if (**at == '[') {
        *at += 1;
        return parse_bracket(pattern, part, at, err);
    }
    while (**at != '[' && !pattern_ends(pattern, **at)) {
        if (check_literal(pattern, *at, err))
            return -1;
        *at += 1;
    }
    part->size = (size_t)(*at - part->text);
    return 0;
}

int pattern_parse(struct pattern *pattern, const char *text, const char *start,
                  enum pattern_place place, struct err *err)
{
    pattern->text = text;
    pattern->start = pattern->end = start;
    pattern->place = place;
    pattern->nparts = pattern->nranges = pattern->ranges_size = 0;
    pattern->ranges = NULL;
    pattern->count = 1;
    while (!pattern_ends(pattern, *pattern->end))
        if (parse_part(pattern, &pattern->end, err))
            return -1;
    return 0;
}

void pattern_clear(struct pattern *pattern)
{
    free(pattern->ranges);
    pattern->ranges = NULL;
}

struct expansion {
    const struct pattern *pattern;
    pattern_name_fn *each;
    void *arg;
    struct err *err;
    char name[PATTERN_NAME_SIZE];
};

static size_t format_number(uint32_t value, uint32_t width, char out[PATTERN_DIGITS_MAX])
{
    char reversed[PATTERN_DIGITS_MAX];
    size_t n = 0;
    do {
        reversed[n++] = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    while (n < width)
        reversed[n++] = '0';
    for (size_t i = 0; i < n; i++)
        out[i] = reversed[n - 1 - i];
    return n;
}

static int expand_from(struct expansion *e, size_t index, size_t size);

static int expand_with(struct expansion *e, size_t index, size_t size, const char *text,
                       size_t text_size)
{
    if (size + text_size >= sizeof e->name)
        return complain(e->err, e->pattern->text, e->pattern->start,
                        "'%s' is longer than %d characters", quote(e->pattern->start).text,
                        PATTERN_NAME_SIZE - 1);
    memcpy(e->name + size, text, text_size);
    return expand_from(e, index + 1, size + text_size);
}

/* As deep as the pattern has parts: PATTERN_PARTS_MAX at most. */
static int expand_from(struct expansion *e, size_t index, size_t size)
{
    if (index == e->pattern->nparts) {
        e->name[size] = '\0';
        return e->each(e->arg, e->name, size);
    }
    const struct part *part = &e->pattern->parts[index];
    if (!part->nranges)
        return expand_with(e, index, size, part->text, part->size);
    for (size_t i = 0; i < part->nranges; i++) {
        struct range range = e->pattern->ranges[part->first_range + i];
        for (uint32_t value = range.first; value <= range.last; value += range.step) {
            char digits[PATTERN_DIGITS_MAX];
            size_t n = format_number(value, range.width, digits);
            int rc = expand_with(e, index, size, digits, n);
            if (rc)
                return rc;
        }
    }
    return 0;
}

int pattern_expand(const struct pattern *pattern, pattern_name_fn *each, void *arg, struct err *err)
{
    struct expansion e = {.pattern = pattern, .each = each, .arg = arg, .err = err};
    return expand_from(&e, 0, 0);
}
