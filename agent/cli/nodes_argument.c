#include "agent/cli/nodes_argument.h"

#include <stdlib.h>
#include <string.h>

#include "proto/api.h"
#include "proto/cleanup.h"

static const char OPERATORS[] = "!&^";

struct text {
    char *bytes;
    size_t size;
};

static int text_add(struct text *text, const char *bytes, size_t size, struct err *err)
{
    if (text->size + size > NODES_TEXT_MAX)
        return err_set(err, ERR_USAGE, "the nodes' names are longer than %d bytes; use a group",
                       NODES_TEXT_MAX);
    char *longer = realloc(text->bytes, text->size + size + 1);
    if (!longer)
        return err_set(err, ERR_SYSTEM, "out of memory");
    memcpy(longer + text->size, bytes, size);
    text->bytes = longer;
    text->size += size;
    longer[text->size] = '\0';
    return 0;
}

static void text_clear(struct text *text)
{
    free(text->bytes);
}

static int read_all(FILE *in, char **out, struct err *err)
{
    _cleanup_(text_clear) struct text text = {0};
    char piece[4096];
    size_t size;
    while ((size = fread(piece, 1, sizeof piece, in)) > 0)
        if (text_add(&text, piece, size, err))
            return -1;
    if (ferror(in))
        return err_set(err, ERR_SYSTEM, "cannot read nodes from standard input");
    if (!text.bytes || strspn(text.bytes, " \t\r\n") == text.size)
        return err_set(err, ERR_USAGE, "no nodes came on standard input");
    *out = TAKE(text.bytes);
    return 0;
}

/* Adds the words that hold operators, or those that do not. */
static int add_words(struct text *text, char **words, int count, bool with_operators, int *added,
                     struct err *err)
{
    for (int i = 0; i < count; i++) {
        bool has = strpbrk(words[i], OPERATORS) != NULL;
        if (has != with_operators)
            continue;
        if (text->size && text_add(text, ",", 1, err))
            return -1;
        if (text_add(text, words[i], strlen(words[i]), err))
            return -1;
        ++*added;
    }
    return 0;
}

/* "a,b" becomes "!a!b": with "!a,b" the agent would take a out and put b in. */
static int add_exclusion(struct text *text, const char *exclude, struct err *err)
{
    if (strpbrk(exclude, OPERATORS))
        return err_set(err, ERR_USAGE, "-x takes names, ranges and groups, without ! & ^");
    int depth = 0;
    bool begin = true;
    for (const char *c = exclude; *c; c++) {
        depth += (*c == '[') - (*c == ']');
        bool between = depth <= 0 && strchr(", \t\r\n", *c);
        if (between) {
            begin = true;
            continue;
        }
        if (begin && text_add(text, "!", 1, err))
            return -1;
        begin = false;
        if (text_add(text, c, 1, err))
            return -1;
    }
    return 0;
}

static int join(char **words, int count, const char *exclude, char **expression, struct err *err)
{
    _cleanup_(text_clear) struct text text = {0};
    int with_operators = 0, plain = 0;
    if (add_words(&text, words, count, true, &with_operators, err))
        return -1;
    if (with_operators > 1)
        return err_set(err, ERR_USAGE,
                       "only one of the words may hold ! & ^; write it as one expression");
    if (add_words(&text, words, count, false, &plain, err))
        return -1;
    if (exclude && add_exclusion(&text, exclude, err))
        return -1;
    *expression = TAKE(text.bytes);
    return 0;
}

int nodes_argument(char *const *words, int count, const char *exclude, FILE *in, char **expression,
                   struct err *err)
{
    if (!count)
        return err_set(err, ERR_USAGE, "which nodes? name some: n01, n[01-16], @rack1");
    _cleanup_(freep) char **taken = calloc((size_t)count, sizeof *taken);
    _cleanup_(freep) char *from_input = NULL;
    if (!taken)
        return err_set(err, ERR_SYSTEM, "out of memory");
    for (int i = 0; i < count; i++) {
        taken[i] = words[i];
        if (strcmp(words[i], "-"))
            continue;
        if (from_input)
            return err_set(err, ERR_USAGE, "'-' may be given once");
        if (read_all(in, &from_input, err))
            return -1;
        taken[i] = from_input;
    }
    return join(taken, count, exclude, expression, err);
}

void nodes_forget_column(const char *expression, struct err *err)
{
    static const char column[] = "column 1: ";
    size_t size = sizeof column - 1;
    if (strpbrk(expression, "!&^, \t\r\n") || strncmp(err->text, column, size) != 0)
        return;
    memmove(err->text, err->text + size, strlen(err->text + size) + 1);
}
