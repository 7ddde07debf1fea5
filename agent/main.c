#include <getopt.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>

#include "agent/agent.h"
#include "agent/io/log.h"

static const char help[] =
    "usage: powerctld [options]\n"
    "       powerctld --check-config [FILE]\n"
    "\n"
    "The agent: power-cycles nodes, sets their next boot, watches them come up.\n"
    "powerctl and netboot-now talk to it.\n"
    "\n"
    "  --config FILE         configuration (default /etc/powerctl/powerctl.yaml)\n"
    "  --check-config [FILE] say whether it is good, and what it lacks here, and end\n"
    "  --socket PATH         control socket, instead of the configuration's\n"
    "  --state-dir DIR       journal and locks, instead of the configuration's\n"
    "  --driver-dir DIR      driver programs, instead of the configuration's\n"
    "  --foreground          do not detach (the agent never does)\n"
    "  --debug               log more\n"
    "  --version             print the version\n"
    "  --help                print this\n"
    "\n"
    "SIGHUP reads the configuration again, all or nothing. SIGTERM ends the agent cleanly.\n";

enum {
    CONFIG = 256,
    CHECK_CONFIG,
    SOCKET,
    STATE_DIR,
    DRIVER_DIR,
    FOREGROUND,
    DEBUG,
    SHOW_VERSION,
    HELP
};

static const struct option long_options[] = {
    {"config", required_argument, NULL, CONFIG},
    {"check-config", optional_argument, NULL, CHECK_CONFIG},
    {"socket", required_argument, NULL, SOCKET},
    {"state-dir", required_argument, NULL, STATE_DIR},
    {"driver-dir", required_argument, NULL, DRIVER_DIR},
    {"foreground", no_argument, NULL, FOREGROUND},
    {"debug", no_argument, NULL, DEBUG},
    {"version", no_argument, NULL, SHOW_VERSION},
    {"help", no_argument, NULL, HELP},
    {0},
};

/* "--check-config FILE" reads better than the "=FILE" that getopt insists on. */
static const char *optional_value(int argc, char **argv)
{
    if (optarg)
        return optarg;
    return optind < argc && argv[optind][0] != '-' ? argv[optind++] : NULL;
}

static void print_help(FILE *out)
{
    (void)fputs(help, out);
}

/* A status of 10,000 nodes takes 40 MB for a second.  glibc (2.36) raises the size from which an
 * allocation is given back to the system, up to 32 MB, each time one is freed: fixed here. */
static void give_memory_back(void)
{
    enum { LARGE = 128 << 10 };
    (void)mallopt(M_MMAP_THRESHOLD, LARGE);
    (void)mallopt(M_TRIM_THRESHOLD, LARGE);
}

int main(int argc, char **argv)
{
    give_memory_back();
    struct agent_options options = {.config = "/etc/powerctl/powerctl.yaml"};
    bool check = false, debug = false;
    int letter;
    while ((letter = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        const char *file;
        switch (letter) {
        case CONFIG:
            options.config = optarg;
            break;
        case CHECK_CONFIG:
            check = true;
            file = optional_value(argc, argv);
            options.config = file ? file : options.config;
            break;
        case SOCKET:
            options.socket = optarg;
            break;
        case STATE_DIR:
            options.state_dir = optarg;
            break;
        case DRIVER_DIR:
            options.driver_dir = optarg;
            break;
        case FOREGROUND:
            break;
        case DEBUG:
            debug = true;
            break;
        case SHOW_VERSION:
            (void)puts("powerctld " VERSION);
            return 0;
        case HELP:
            print_help(stdout);
            return 0;
        default: /* getopt_long() has said what is wrong */
            print_help(stderr);
            return 2;
        }
    }
    if (optind < argc) {
        (void)fprintf(stderr, "powerctld: what is '%s'?\n", argv[optind]);
        print_help(stderr);
        return 2;
    }
    log_open_stderr(debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
    return check ? agent_check_config(&options) : agent_run(&options);
}
