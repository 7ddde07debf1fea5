#include "agent/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "agent/core/core.h"
#include "agent/io/api.h"
#include "agent/io/clock.h"
#include "agent/io/drivers.h"
#include "agent/io/event_log.h"
#include "agent/io/locks.h"
#include "agent/io/log.h"
#include "agent/io/past.h"
#include "agent/io/service.h"
#include "agent/io/watchers.h"
#include "proto/cleanup.h"

enum {
    HOUSEKEEPING_MS = 5000,
    TRIM_EVERY_MS = 3600000,
    LEAVE_MS = 7000, /* for jobs to bring back on what they switched off; drivers get 2 s more */
    LEAVE_POLL_MS = 50,
};

/* What the agent holds on to from its start to its end. */
struct bound {
    char socket[CONF_PATH_SIZE], socket_group[NAME_SIZE], state_dir[CONF_PATH_SIZE],
        driver_dir[CONF_PATH_SIZE];
};

struct agent {
    const struct agent_options *options;
    uv_loop_t loop;
    struct config *config;
    struct conf_drivers *schemas;
    struct bound bound;
    int lock_fd;
    struct past past; /* the core, the journal, and what they are fed by */
    struct event_hub *hub;
    struct event_log *event_log;
    struct drivers *drivers;
    struct watchers *watchers;
    struct api api;
    uv_signal_t signals[3];
    uv_timer_t housekeeping, leave;
    uint64_t trim_due_ms, leave_by_ms;
    bool leaving, left;
};

/* --- effects of a turn, and what comes back ------------------------------------------------ */

static void effect_send(void *arg, const char *driver, const struct driver_request *request)
{
    struct agent *agent = arg;
    drivers_send(agent->drivers, driver, request);
}

static void effect_tell(void *arg, const struct job_event *event, bool journaled)
{
    struct agent *agent = arg;
    event_log_write(agent->event_log, event, clock_now_ms());
    event_hub_publish(agent->hub, event, journaled);
    if (agent->api.server)
        server_wake(agent->api.server);
}

static void effect_watch_port(void *arg, struct ipv4 ip, uint16_t port)
{
    struct agent *agent = arg;
    watchers_watch_port(agent->watchers, ip, port);
}

static void effect_leave_port(void *arg, struct ipv4 ip, uint16_t port)
{
    struct agent *agent = arg;
    watchers_leave_port(agent->watchers, ip, port);
}

static void on_reply(void *arg, const struct driver_reply *reply)
{
    struct agent *agent = arg;
    if (!agent->left)
        turn_reply(agent->past.turn, reply);
}

static void on_note(void *arg, const struct note *note)
{
    struct agent *agent = arg;
    turn_note(agent->past.turn, note);
}

static void on_gap(void *arg)
{
    struct agent *agent = arg;
    core_missed_notes(agent->past.core);
}

static void refresh_drivers(struct api *api, void *arg)
{
    struct agent *agent = arg;
    api->ndrivers = drivers_count(agent->drivers);
    for (size_t i = 0; i < api->ndrivers; i++) {
        const char *name;
        const struct driver_link *link = drivers_link(agent->drivers, i, &name);
        struct api_driver *driver = &api->drivers[i];
        (void)snprintf(driver->name, sizeof driver->name, "%s", name);
        driver->up = driver_link_state(link) == DRIVER_LINK_UP;
        driver->in_flight = driver_link_in_flight(link);
    }
}

/* --- the configuration --------------------------------------------------------------------- */

static struct config *load(const struct agent_options *options, struct conf_drivers *schemas,
                           struct conf_errors *errors, struct conf_errors *warnings)
{
    struct config *config = NULL;
    struct conf_overrides overrides = {options->socket, options->state_dir, options->driver_dir,
                                       warnings};
    return conf_load(options->config, &overrides, schemas, &config, errors) ? NULL : config;
}

static void log_lines(enum log_level level, const struct conf_errors *errors)
{
    char *rest = errors->text;
    for (char *line; rest && (line = strsep(&rest, "\n"));)
        if (*line)
            LOG_AT(level, "config: %s", line);
}

static void bind_to(struct bound *bound, const struct config *config)
{
    memcpy(bound->socket, config->socket, sizeof bound->socket);
    memcpy(bound->socket_group, config->socket_group, sizeof bound->socket_group);
    memcpy(bound->state_dir, config->state_dir, sizeof bound->state_dir);
    memcpy(bound->driver_dir, config->driver_dir, sizeof bound->driver_dir);
}

/* What is bound to the start cannot change while running: told at each reload that asks for it. */
static void keep_bound(const struct bound *was, const struct config *is)
{
    if (strcmp(was->socket, is->socket) != 0 || strcmp(was->state_dir, is->state_dir) != 0 ||
        strcmp(was->driver_dir, is->driver_dir) != 0 ||
        strcmp(was->socket_group, is->socket_group) != 0)
        log_warning("config=changed text=\"socket, socket_group, state_dir and driver_dir take "
                    "effect at the next start\"");
}

static void take_over(struct agent *agent, struct config *config)
{
    struct err err;
    keep_bound(&agent->bound, config);
    core_reload(agent->past.core, config->inventory, clock_now_ms());
    agent->api.inventory = config->inventory;
    if (drivers_configure(agent->drivers, config, &err))
        log_error("config=reloaded text=\"%s\"", err.text);
    watchers_configure(agent->watchers, config);
    (void)config_free(agent->config);
    agent->config = config;
    turn_wanted(agent->past.turn);
    log_info("config=reloaded nodes=%zu devices=%zu", config->inventory->nmachines,
             config->inventory->ndevices);
}

static void on_hup(uv_signal_t *handle, int number)
{
    struct agent *agent = handle->data;
    struct conf_errors errors = {0}, warnings = {0};
    (void)number;
    if (agent->leaving)
        return;
    service_notify("RELOADING=1");
    struct conf_drivers *schemas = conf_drivers_new(); /* the programs may be newer ones */
    struct config *config = schemas ? load(agent->options, schemas, &errors, &warnings) : NULL;
    struct err busy;
    if (config && core_may_reload(agent->past.core, config->inventory, &busy)) {
        log_error("config=refused text=\"%s\"", busy.text);
        (void)config_free(config);
    } else if (config) {
        take_over(agent, config);
        log_lines(LOG_LEVEL_WARNING, &warnings);
    } else {
        log_lines(LOG_LEVEL_ERROR, &errors);
        log_error("config=refused errors=%zu text=\"nothing was changed: fix it and reload again\"",
                  errors.count);
    }
    conf_errors_clear(&errors);
    conf_errors_clear(&warnings);
    conf_drivers_free(agent->schemas);
    agent->schemas = schemas;
    service_notify("READY=1");
}

/* --- death ---------------------------------------------------------------------------------- */

static void drivers_gone(void *arg)
{
    struct agent *agent = arg;
    agent->drivers = NULL;
}

static void leave_now(struct agent *agent)
{
    if (agent->left)
        return;
    agent->left = true;
    server_close(agent->api.server);
    agent->api.server = NULL;
    agent->watchers = watchers_close(agent->watchers);
    turn_close(agent->past.turn);
    locks_close(agent->past.locks);
    drivers_close(agent->drivers, drivers_gone, agent);
    for (size_t i = 0; i < ARRAY_SIZE(agent->signals); i++)
        uv_close((uv_handle_t *)&agent->signals[i], NULL);
    uv_close((uv_handle_t *)&agent->housekeeping, NULL);
    uv_close((uv_handle_t *)&agent->leave, NULL);
}

static uint64_t jobs_running(const struct agent *agent)
{
    struct core_counts counts;
    core_count(agent->past.core, &counts);
    return counts.jobs_running;
}

static void on_leave(uv_timer_t *timer)
{
    struct agent *agent = timer->data;
    uint64_t running = jobs_running(agent);
    if (running && clock_now_ms() < agent->leave_by_ms)
        return;
    if (running)
        log_error("agent=stopping jobs=%llu text=\"not ended in time; the next start goes on "
                  "with them\"",
                  (unsigned long long)running);
    leave_now(agent);
}

/* Nothing new is started; what was switched off on the way to on is brought on. */
static void cancel_jobs(struct agent *agent)
{
    struct job_view *views = NULL;
    struct err err;
    size_t count = core_jobs(agent->past.core, clock_now_ms(), &views);
    for (size_t i = 0; i < count; i++)
        if (!views[i].done && turn_cancel(agent->past.turn, views[i].id, &err))
            log_warning("job=%s cancel=failed text=\"%s\"", views[i].id, err.text);
    job_list_free(views, count);
}

static void on_term(uv_signal_t *handle, int number)
{
    struct agent *agent = handle->data;
    if (agent->leaving) {
        leave_now(agent); /* asked twice */
        return;
    }
    log_info("agent=stopping signal=%d jobs=%llu", number, (unsigned long long)jobs_running(agent));
    service_notify("STOPPING=1");
    agent->leaving = true;
    agent->api.ready = false;
    agent->leave_by_ms = clock_now_ms() + LEAVE_MS;
    cancel_jobs(agent);
    (void)uv_timer_start(&agent->leave, on_leave, 0, LEAVE_POLL_MS);
}

/* --- birth ---------------------------------------------------------------------------------- */

static void on_housekeeping(uv_timer_t *timer)
{
    struct agent *agent = timer->data;
    uint64_t now_ms = clock_now_ms();
    struct err err;
    log_tick(now_ms);
    service_notify("WATCHDOG=1");
    if (past_look(&agent->past) || now_ms < agent->trim_due_ms)
        return;
    int deleted = journal_trim(agent->past.journal, clock_unix_ms(), agent->config->keep_days,
                               agent->config->keep_events, &err);
    if (deleted < 0)
        log_warning("journal=trim text=\"%s\"", err.text);
    if (deleted < JOURNAL_SLICE)
        agent->trim_due_ms = now_ms + TRIM_EVERY_MS;
}

static void become_ready(struct agent *agent)
{
    agent->api.ready = !agent->leaving;
    log_info("agent=ready version=%s nodes=%zu devices=%zu socket=%s", VERSION,
             agent->config->inventory->nmachines, agent->config->inventory->ndevices,
             agent->config->socket);
    service_notify("READY=1");
}

static void on_drivers_settled(void *arg)
{
    struct agent *agent = arg;
    if (agent->leaving) /* the next run will take them over */
        return;
    past_settled(&agent->past);
    become_ready(agent);
}

/* Locks that cannot be read refuse nothing; a journal that cannot be read admits nothing. */
static struct locks *recall_locks(struct agent *agent, struct err *err)
{
    struct locks *locks =
        locks_new(&agent->loop, agent->past.core, agent->past.journal, effect_tell, agent, err);
    if (locks && locks_recall(locks, err))
        log_error("journal=read-only text=\"%s\"", err->text);
    return locks;
}

static int build(struct agent *agent, struct err *err)
{
    struct turn_effects effects = {effect_send, effect_tell, effect_watch_port, effect_leave_port,
                                   agent};
    struct drivers_events events = {on_reply, on_drivers_settled, agent};
    struct watchers_events seen = {on_note, on_gap, agent};
    agent->event_log = event_log_new();
    agent->hub = event_hub_new(agent->past.journal);
    if (!agent->event_log || !agent->hub)
        return err_set(err, ERR_SYSTEM, "out of memory");
    agent->past.turn = turn_new(&agent->loop, agent->past.core, agent->past.journal, &effects, err);
    agent->past.locks = agent->past.turn ? recall_locks(agent, err) : NULL;
    agent->drivers = agent->past.locks ? drivers_new(&agent->loop, &events, err) : NULL;
    agent->watchers = agent->drivers ? watchers_new(&agent->loop, &seen, err) : NULL;
    return agent->watchers ? 0 : -1;
}

static int listen_for_clients(struct agent *agent, struct err *err)
{
    gid_t group = (gid_t)-1;
    struct http_handler handler = {api_handle, &agent->api};
    const struct config *config = agent->config;
    if (config->socket_group[0] && access_group(config->socket_group, &group, err))
        return -1;
    agent->api = (struct api){.core = agent->past.core,
                              .turn = agent->past.turn,
                              .locks = agent->past.locks,
                              .journal = agent->past.journal,
                              .hub = agent->hub,
                              .inventory = config->inventory,
                              .refresh_drivers = refresh_drivers,
                              .refresh_arg = agent,
                              .started_ms = clock_now_ms()};
    agent->api.server = server_new(&agent->loop, config->socket, group, &handler, err);
    return agent->api.server ? 0 : -1;
}

static void arm(struct agent *agent)
{
    static const struct {
        int number;
        uv_signal_cb run;
    } signals[] = {{SIGHUP, on_hup}, {SIGTERM, on_term}, {SIGINT, on_term}};
    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        agent->signals[i].data = agent;
        (void)uv_signal_init(&agent->loop, &agent->signals[i]);
        (void)uv_signal_start(&agent->signals[i], signals[i].run, signals[i].number);
    }
    agent->housekeeping.data = agent->leave.data = agent;
    (void)uv_timer_init(&agent->loop, &agent->housekeeping);
    (void)uv_timer_init(&agent->loop, &agent->leave);
    (void)uv_timer_start(&agent->housekeeping, on_housekeeping, HOUSEKEEPING_MS, HOUSEKEEPING_MS);
}

static int live(struct agent *agent, struct err *err)
{
    if (past_open(&agent->past, agent->config, &agent->lock_fd, err) || build(agent, err) ||
        listen_for_clients(agent, err) || drivers_configure(agent->drivers, agent->config, err))
        return -1;
    watchers_configure(agent->watchers, agent->config);
    arm(agent);
    (void)uv_run(&agent->loop, UV_RUN_DEFAULT);
    log_info("agent=stopped");
    return 0;
}

static void bury(struct agent *agent)
{
    (void)uv_loop_close(&agent->loop);
    (void)event_hub_free(agent->hub);
    (void)event_log_free(agent->event_log);
    past_close(&agent->past);
    (void)config_free(agent->config);
    conf_drivers_free(agent->schemas);
    closep(&agent->lock_fd);
}

/* The caller clears `warnings`, whatever happens. */
static int load_or_tell(struct agent *agent, struct conf_errors *warnings)
{
    struct conf_errors errors = {0};
    agent->schemas = conf_drivers_new();
    agent->config = agent->schemas ? load(agent->options, agent->schemas, &errors, warnings) : NULL;
    if (!agent->config)
        (void)fputs(errors.text ? errors.text : "powerctld: out of memory\n", stderr);
    conf_errors_clear(&errors);
    return agent->config ? 0 : -1;
}

int agent_check_config(const struct agent_options *options)
{
    struct agent agent = {.options = options, .lock_fd = -1};
    struct conf_errors warnings = {0};
    int result = load_or_tell(&agent, &warnings) ? 2 : 0;
    if (warnings.text)
        (void)fputs(warnings.text, stderr);
    conf_errors_clear(&warnings);
    if (agent.config)
        (void)printf("%s: good: %zu nodes, %zu devices\n", options->config,
                     agent.config->inventory->nmachines, agent.config->inventory->ndevices);
    (void)config_free(agent.config);
    conf_drivers_free(agent.schemas);
    return result;
}

int agent_run(const struct agent_options *options)
{
    struct agent agent = {.options = options, .lock_fd = -1};
    struct err err = {0};
    struct conf_errors warnings = {0};
    if (load_or_tell(&agent, &warnings)) {
        conf_drivers_free(agent.schemas);
        return 2;
    }
    log_lines(LOG_LEVEL_WARNING, &warnings);
    conf_errors_clear(&warnings);
    bind_to(&agent.bound, agent.config);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)umask(0077); /* the journal tells who did what */
    service_raise_descriptors();
    (void)uv_loop_init(&agent.loop);
    agent.lock_fd = service_lock(agent.config->state_dir, &err);
    int result = agent.lock_fd < 0 || live(&agent, &err) ? 1 : 0;
    if (result) {
        log_error("agent=failed text=\"%s\"", err.text);
        /* Half built, and about to end: what the loop still holds goes with the process. */
        exit(result);
    }
    bury(&agent);
    return result;
}
