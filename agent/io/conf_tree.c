/* YAML text in, a tree with positions out.
 *
 * libyaml's events and not its document call: only events tell of anchors, aliases and tags,
 * which are refused: a file that people check by reading shall mean what it says. */
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "agent/io/conf_private.h"
#include "proto/cleanup.h"

enum { BLOCK_SIZE = 65536 };

struct conf_arena {
    struct conf_arena *next;
    size_t used, size;
    max_align_t bytes[];
};

void conf_file_free(struct conf_file *file)
{
    while (file->arena) {
        struct conf_arena *next = file->arena->next;
        free(file->arena);
        file->arena = next;
    }
    free(file->name);
    free(file->text);
    free(file);
}

static void *take(struct conf_file *file, size_t size)
{
    size = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    if (!file->arena || file->arena->size - file->arena->used < size) {
        size_t room = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        struct conf_arena *arena = malloc(sizeof *arena + room);
        if (!arena)
            return NULL;
        *arena = (struct conf_arena){.next = file->arena, .size = room};
        file->arena = arena;
    }
    void *bytes = (char *)file->arena->bytes + file->arena->used;
    file->arena->used += size;
    return bytes;
}

/* A tree under construction: the open lists and maps, outermost first. */
struct builder {
    struct conf *c;
    struct conf_file *file;
    struct yaml *root;
    struct yaml *open[CONF_DEPTH_MAX];
    size_t depth;
    bool failed;
};

static uint32_t line_of(yaml_mark_t mark)
{
    return (uint32_t)mark.line + 1;
}

static uint32_t column_of(yaml_mark_t mark)
{
    return (uint32_t)mark.column + 1;
}

#define REFUSE(b, event, ...)                                                                      \
    do {                                                                                           \
        conf_error_at((b)->c, (b)->file, line_of((event)->start_mark),                             \
                      column_of((event)->start_mark), __VA_ARGS__);                                \
        (b)->failed = true;                                                                        \
    } while (0)

static struct yaml *new_node(struct builder *b, enum yaml_kind kind, const yaml_event_t *event)
{
    struct yaml *node = take(b->file, sizeof *node);
    if (!node) {
        conf_no_memory(b->c);
        b->failed = true;
        return NULL;
    }
    *node = (struct yaml){
        .kind = kind,
        .file = b->file,
        .line = line_of(event->start_mark),
        .column = column_of(event->start_mark),
        .text = "",
    };
    return node;
}

/* Puts the node where it belongs: the root, next in a list, a key or the value of the last key. */
static void attach(struct builder *b, struct yaml *node)
{
    struct yaml *parent = b->depth ? b->open[b->depth - 1] : NULL;
    if (!parent) {
        b->root = node;
    } else if (parent->kind == YAML_MAP && parent->last && !parent->last->value) {
        parent->last->value = node;
    } else {
        if (parent->kind == YAML_MAP && node->kind != YAML_TEXT) {
            conf_error(b->c, node, "a key must be text");
            b->failed = true;
        }
        if (parent->kind == YAML_MAP && !strcmp(node->text, "<<")) {
            conf_error(b->c, node, "merge keys (<<) are not used here");
            b->failed = true;
        }
        if (parent->last)
            parent->last->next = node;
        else
            parent->first = node;
        parent->last = node;
        parent->count++;
    }
}

static void add_text(struct builder *b, const yaml_event_t *event)
{
    const char *value = (const char *)event->data.scalar.value;
    size_t size = event->data.scalar.length;
    if (event->data.scalar.anchor)
        REFUSE(b, event,
               "anchors (&) are not used here; put the text in quotes if '&' belongs to it");
    if (event->data.scalar.tag)
        REFUSE(b, event, "tags (!) are not used here; put the text in quotes if '!' belongs to it");
    if (memchr(value, '\0', size))
        REFUSE(b, event, "a NUL character in a text");
    struct yaml *node = new_node(b, YAML_TEXT, event);
    char *text = take(b->file, size + 1);
    if (!node || !text)
        return;
    memcpy(text, value, size);
    text[size] = '\0';
    node->text = text;
    bool quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    bool as_written = event->end_mark.line == event->start_mark.line &&
                      event->end_mark.index - event->start_mark.index == size + 2 * quoted;
    node->text_column = as_written ? node->column + quoted : 0;
    attach(b, node);
}

static void open_node(struct builder *b, enum yaml_kind kind, const yaml_event_t *event,
                      bool decorated)
{
    if (decorated)
        REFUSE(b, event, "anchors (&) and tags (!) are not used here");
    if (b->depth == CONF_DEPTH_MAX) {
        REFUSE(b, event, "nested more than %d deep", CONF_DEPTH_MAX);
        return;
    }
    struct yaml *node = new_node(b, kind, event);
    if (!node)
        return;
    attach(b, node);
    b->open[b->depth++] = node;
}

/* True at the end of the file. */
static bool build(struct builder *b, const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_DOCUMENT_START_EVENT:
        if (b->root)
            REFUSE(b, event, "a second document ('---') in one file");
        break;
    case YAML_ALIAS_EVENT:
        REFUSE(b, event,
               "aliases (*) are not used here; put the text in quotes if '*' belongs to it");
        break;
    case YAML_SCALAR_EVENT:
        add_text(b, event);
        break;
    case YAML_SEQUENCE_START_EVENT:
        open_node(b, YAML_LIST, event,
                  event->data.sequence_start.anchor || event->data.sequence_start.tag);
        break;
    case YAML_MAPPING_START_EVENT:
        open_node(b, YAML_MAP, event,
                  event->data.mapping_start.anchor || event->data.mapping_start.tag);
        break;
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        b->depth--;
        break;
    case YAML_STREAM_END_EVENT:
        return true;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
        break;
    }
    return false;
}

/* Bytes that are no UTF-8 have an offset only. */
static void report_reader(struct conf *c, const struct conf_file *file, const yaml_parser_t *parser)
{
    uint32_t line = 1, column = 1;
    for (size_t i = 0; i < parser->problem_offset && i < file->size; i++)
        if (file->text[i] == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)file->text[i] & 0xc0) != 0x80) {
            column++;
        }
    conf_error_at(c, file, line, column, "%s (text must be UTF-8)", parser->problem);
}

static const char *hint_for(const struct conf_file *file, const yaml_parser_t *parser)
{
    const char *line = file->text;
    if (!strstr(parser->problem, "cannot start any token"))
        return "";
    for (size_t n = 0; line && n < parser->problem_mark.line; n++) {
        line = strchr(line, '\n');
        line = line ? line + 1 : NULL;
    }
    if (line && line[strspn(line, " ")] == '\t')
        return "; indent with blanks, not with tabs";
    return "; put texts that begin with '@', '`' or '%' in quotes";
}

static void report_problem(struct conf *c, const struct conf_file *file,
                           const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR || !parser->problem) {
        conf_no_memory(c);
        return;
    }
    if (parser->error == YAML_READER_ERROR) {
        report_reader(c, file, parser);
        return;
    }
    const char *hint = hint_for(file, parser);
    if (parser->context)
        conf_error_at(c, file, line_of(parser->problem_mark), column_of(parser->problem_mark),
                      "%s, %s at %u:%u%s", parser->problem, parser->context,
                      line_of(parser->context_mark), column_of(parser->context_mark), hint);
    else
        conf_error_at(c, file, line_of(parser->problem_mark), column_of(parser->problem_mark),
                      "%s%s", parser->problem, hint);
}

struct yaml *conf_tree(struct conf *c, struct conf_file *file)
{
    struct builder b = {.c = c, .file = file};
    yaml_parser_t parser;
    bool done = false;
    if (!yaml_parser_initialize(&parser)) {
        conf_no_memory(c);
        return NULL;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)file->text, file->size);
    yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
    while (!done && !b.failed) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            report_problem(c, file, &parser);
            b.failed = true;
            break;
        }
        done = build(&b, &event);
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return b.failed ? NULL : b.root;
}
