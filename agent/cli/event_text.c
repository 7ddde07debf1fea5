#include "agent/cli/event_text.h"

#include <string.h>

#include "agent/cli/style.h"

static void put_outcome(FILE *out, bool colours, const struct node_view *node)
{
    const char *word = node->outcome == OUTCOME_FAILED ? "FAILED" : outcome_word(node->outcome);
    enum colour chosen = outcome_colour(node->outcome);
    if (chosen == COLOUR_NONE)
        colours = false;
    (void)fprintf(out, "%s%s%s", colour(colours, chosen), word, colour(colours, COLOUR_NONE));
    /* "LEFT OFF LEFT_OFF" says nothing more. */
    if (node->verdict != VERDICT_NONE && node->verdict != VERDICT_LEFT_OFF &&
        node->verdict != VERDICT_CANCELLED)
        (void)fprintf(out, " %s", verdict_name(node->verdict));
    if (node->text[0])
        (void)fprintf(out, ": %s", node->text);
}

static void put_attempt(FILE *out, const struct node_view *node)
{
    (void)fprintf(out, "try %u", node->attempt);
    if (node->verdict != VERDICT_NONE)
        (void)fprintf(out, ", after %s", verdict_name(node->verdict));
    if (node->text[0])
        (void)fprintf(out, ": %s", node->text);
}

static void put_job_started(FILE *out, const struct job_event *event)
{
    const char *text = event->node.text;
    const char *verb = event_verb_name(event);
    bool said = !strncmp(text, verb, strlen(verb)); /* by an agent that puts it into the text */
    (void)fprintf(out, "job %s: %s%s%s", event->job, said ? "" : verb, text[0] && !said ? " " : "",
                  text);
}

/* What the job is about was said when it started; in a history its beginning may be gone. */
static void put_job_ended(FILE *out, const struct job_event *event)
{
    put_job_started(out, event);
    (void)fputs(" ended", out);
    if (event->node.outcome != OUTCOME_PENDING)
        (void)fprintf(out, ": %s", outcome_word(event->node.outcome));
}

static void put_with_text(FILE *out, const char *word, const char *text)
{
    (void)fprintf(out, "%s%s%s", word, text[0] && word[0] ? " " : "", text);
}

/* With a verdict: how it will end, but for what is still done about it. */
static void put_note(FILE *out, const struct node_view *node)
{
    bool ends = node->verdict != VERDICT_NONE;
    (void)fprintf(out, "note: %s%s%s", ends ? verdict_name(node->verdict) : "", ends ? ": " : "",
                  node->text);
}

int event_command(const struct job_event *event, enum op *op)
{
    char word[32];
    (void)snprintf(word, sizeof word, "%.*s", (int)strcspn(event->node.text, " "),
                   event->node.text);
    return op_parse(word, op);
}

enum power op_wanted(enum op op)
{
    switch (op) {
    case OP_ON:
        return POWER_ON;
    case OP_OFF:
    case OP_SOFT:
        return POWER_OFF;
    case OP_STATUS:
    case OP_RESET:
    case OP_CYCLE:
    case OP_DIAG:
    case OP_IDENTIFY:
    case OP_BOOT_SET:
    case OP_BOOT_GET:
    case OP_EVIDENCE:
    case OP_INFO:
    case OPS:
        break;
    }
    return POWER_UNKNOWN;
}

static void put_power(FILE *out, enum power power, enum power wanted)
{
    bool still = wanted != POWER_UNKNOWN && power != POWER_UNKNOWN && power != wanted;
    (void)fprintf(out, "%s %s", still ? "still" : "power is", power_name(power));
}

void event_put(FILE *out, bool colours, const struct job_event *event, enum power wanted)
{
    const struct node_view *node = &event->node;
    if (node->node[0])
        (void)fprintf(out, "%s ", node->node);
    switch (event->kind) {
    case EVENT_JOB_STARTED:
        put_job_started(out, event);
        return;
    case EVENT_JOB_ENDED:
        put_job_ended(out, event);
        return;
    case EVENT_COMMAND:
        (void)fprintf(out, "-> %s", node->text);
        return;
    case EVENT_POWER:
        put_power(out, node->power, wanted);
        return;
    case EVENT_STAGE:
        put_with_text(out, stage_name(node->stage), node->text);
        return;
    case EVENT_PROGRESS:
        (void)fprintf(out, "%s %d %%", node->file[0] ? node->file : stage_name(node->stage),
                      node->percent);
        return;
    case EVENT_ATTEMPT:
        put_attempt(out, node);
        return;
    case EVENT_NOTE:
        put_note(out, node);
        return;
    case EVENT_OUTCOME:
        put_outcome(out, colours, node);
        return;
    case EVENT_LOCK:
        (void)fputs(node->text, out);
        return;
    case EVENT_KINDS:
        break;
    }
}
