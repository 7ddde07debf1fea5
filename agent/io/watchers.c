#include "agent/io/watchers.h"

#include <stdlib.h>
#include <string.h>

#include "agent/io/capture_link.h"
#include "agent/io/follow.h"
#include "agent/io/log.h"
#include "agent/io/phone_home.h"
#include "agent/io/probe.h"

struct watchers {
    uv_loop_t *loop;
    struct watchers_events events;
    struct bootserver now; /* what is watched */
    char listen[64];
    struct follow *follows[CONF_LOGS_MAX];
    struct capture_link *capture;
    struct probes *probes;
    struct phone_home *phone_home;
};

static void on_note(void *arg, const struct note *note)
{
    struct watchers *watchers = arg;
    watchers->events.on_note(watchers->events.arg, note);
}

static void on_gap(void *arg)
{
    struct watchers *watchers = arg;
    watchers->events.on_gap(watchers->events.arg);
}

static void on_problem(void *arg, const char *text, bool over)
{
    (void)arg;
    log_warning("evidence=%s text=\"%s\"", over ? "back" : "problem", text);
}

static struct evidence evidence_of(struct watchers *watchers)
{
    return (struct evidence){watchers, on_note, on_problem, on_gap};
}

struct watchers *watchers_new(uv_loop_t *loop, const struct watchers_events *events,
                              struct err *err)
{
    struct watchers *watchers = calloc(1, sizeof *watchers);
    if (!watchers) {
        (void)err_set(err, ERR_SYSTEM, "out of memory for the sources of evidence");
        return NULL;
    }
    *watchers = (struct watchers){.loop = loop, .events = *events};
    struct evidence evidence = evidence_of(watchers);
    watchers->probes = probes_new(loop, &evidence, err);
    if (!watchers->probes) {
        free(watchers);
        return NULL;
    }
    return watchers;
}

static void start_capture(struct watchers *watchers, const struct config *config)
{
    const struct bootserver *want = &config->bootserver;
    char program[CONF_PATH_SIZE + 32];
    const char *names[CONF_INTERFACES_MAX];
    struct evidence evidence = evidence_of(watchers);
    struct err err;
    watchers->capture = capture_link_close(watchers->capture);
    if (!want->ninterfaces)
        return;
    for (size_t i = 0; i < want->ninterfaces; i++)
        names[i] = want->interfaces[i];
    (void)snprintf(program, sizeof program, "%s/powerctl-capture", config->driver_dir);
    watchers->capture =
        capture_link_new(watchers->loop, program, names, want->ninterfaces, &evidence, &err);
    if (!watchers->capture)
        log_error("evidence=capture state=off text=\"%s\"", err.text);
}

static void start_logs(struct watchers *watchers, const struct bootserver *want)
{
    struct evidence evidence = evidence_of(watchers);
    struct err err;
    for (size_t i = 0; i < CONF_LOGS_MAX; i++) {
        const char *before = i < watchers->now.nlogs ? watchers->now.logs[i] : "";
        const char *after = i < want->nlogs ? want->logs[i] : "";
        if (watchers->follows[i] && !strcmp(before, after))
            continue;
        watchers->follows[i] = follow_close(watchers->follows[i]);
        if (!*after)
            continue;
        watchers->follows[i] = follow_new(watchers->loop, after, &evidence, &err);
        if (!watchers->follows[i])
            log_error("evidence=%s state=off text=\"%s\"", after, err.text);
    }
}

static void start_phone_home(struct watchers *watchers, const char *listen)
{
    struct evidence evidence = evidence_of(watchers);
    struct err err;
    if (watchers->phone_home && !strcmp(listen, watchers->listen))
        return;
    watchers->phone_home = phone_home_close(watchers->phone_home);
    (void)snprintf(watchers->listen, sizeof watchers->listen, "%s", listen);
    if (!*listen)
        return;
    watchers->phone_home = phone_home_new(watchers->loop, listen, &evidence, &err);
    if (!watchers->phone_home)
        log_error("evidence=phone-home state=off text=\"%s\"", err.text);
}

static bool same_interfaces(const struct bootserver *a, const struct bootserver *b)
{
    bool same = a->ninterfaces == b->ninterfaces;
    for (size_t i = 0; same && i < a->ninterfaces; i++)
        same = !strcmp(a->interfaces[i], b->interfaces[i]);
    return same;
}

void watchers_configure(struct watchers *watchers, const struct config *config)
{
    if (!watchers->capture || !same_interfaces(&watchers->now, &config->bootserver))
        start_capture(watchers, config);
    start_logs(watchers, &config->bootserver);
    start_phone_home(watchers, config->phone_home_listen);
    watchers->now = config->bootserver;
}

void watchers_watch_port(struct watchers *watchers, struct ipv4 ip, uint16_t port)
{
    struct err err;
    if (probe_watch(watchers->probes, ip, port, &err))
        log_error("evidence=probe port=%u text=\"%s\"", port, err.text);
}

void watchers_leave_port(struct watchers *watchers, struct ipv4 ip, uint16_t port)
{
    probe_leave(watchers->probes, ip, port);
}

struct watchers *watchers_close(struct watchers *watchers)
{
    if (!watchers)
        return NULL;
    for (size_t i = 0; i < CONF_LOGS_MAX; i++)
        (void)follow_close(watchers->follows[i]);
    (void)capture_link_close(watchers->capture);
    (void)probes_close(watchers->probes);
    (void)phone_home_close(watchers->phone_home);
    free(watchers);
    return NULL;
}
