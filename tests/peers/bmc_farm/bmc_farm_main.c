/* bmc_farm - simulated BMCs that speak RMCP+ and keep a log of what really happened. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/peers/bmc_farm/farm.h"
#include "tests/peers/common/control_socket.h"

static const char usage[] =
    "usage: bmc_farm [OPTION]...          run BMCs until SIGTERM, SIGINT or `quit`\n"
    "       bmc_farm --send SOCKET WORD...  steer a running farm\n"
    "  --first ADDRESS    the first BMC's address (127.1.0.1); the others follow it\n"
    "  --count N          how many (1)\n"
    "  --port N           UDP port (623); 0: any, told on stdout\n"
    "  --name NAME        the first BMC's name (n01); the others count up\n"
    "  --user, --password for log-ins (admin, secret)\n"
    "  --power on|off     at the start (off)\n"
    "  --boot network|disk  without an override (disk)\n"
    "  --control SOCKET   listen here for commands\n"
    "  --nodes SOCKET     tell power edges to pxe_nodes there\n"
    "  --truth FILE       append what really happened: \"MS ADDRESS NAME WHAT\"\n"
    "  --seed N           other losses and delays (1)\n"
    "commands, WHO being a name, an address, `all` or a share of them (`30%`, others each time):\n"
    "  WHO password TEXT | WHO power on|off | WHO clear | WHO stats | stats | zero | dump FILE |\n"
    "  quit\n";

struct options {
    const char *control, *nodes, *truth;
    uint16_t port;
    bool power_on;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
    (void)number;
    stop = 1;
}

static uint64_t clock_us(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static uint32_t number(const char *option, const char *text, uint32_t max)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || end == text || *end || value > max) {
        fprintf(stderr, "bmc_farm: --%s %s: a number up to %u\n", option, text, max);
        exit(2);
    }
    return (uint32_t)value;
}

static void own_password(struct farm *farm, const char *text)
{
    if (strlen(text) > PASSWORD_MAX) {
        fprintf(stderr, "bmc_farm: --password: more than %d bytes\n", PASSWORD_MAX);
        exit(2);
    }
    password_set(&farm->password, text);
}

static void first_name(struct farm *farm, const char *name)
{
    size_t stem = strlen(name);
    while (stem > 0 && isdigit((unsigned char)name[stem - 1]))
        stem--;
    farm->name_width = (unsigned)(strlen(name) - stem);
    farm->name_first = farm->name_width ? number("name", name + stem, BMCS_MAX) : 1;
    (void)snprintf(farm->name_stem, sizeof farm->name_stem, "%.*s", (int)stem, name);
}

static void first_address(struct farm *farm, const char *text)
{
    struct in_addr address;
    if (inet_pton(AF_INET, text, &address) != 1) {
        fprintf(stderr, "bmc_farm: --first %s: not an IPv4 address\n", text);
        exit(2);
    }
    farm->first = ntohl(address.s_addr);
}

/* Returns the number of words used; from there on is for --send. */
static int options_read(int argc, char **argv, struct farm *farm, struct options *options)
{
    enum {
        FIRST = 1,
        COUNT,
        PORT,
        NAME,
        USER,
        PASSWORD,
        POWER,
        BOOT,
        CONTROL,
        NODES,
        TRUTH,
        SEED,
        HELP
    };
    static const struct option rows[] = {
        {"first", 1, 0, FIRST},     {"count", 1, 0, COUNT},
        {"port", 1, 0, PORT},       {"name", 1, 0, NAME},
        {"user", 1, 0, USER},       {"password", 1, 0, PASSWORD},
        {"power", 1, 0, POWER},     {"boot", 1, 0, BOOT},
        {"control", 1, 0, CONTROL}, {"nodes", 1, 0, NODES},
        {"truth", 1, 0, TRUTH},     {"seed", 1, 0, SEED},
        {"help", 0, 0, HELP},       {0},
    };
    int row;
    while ((row = getopt_long(argc, argv, "", rows, NULL)) != -1) {
        if (row == FIRST)
            first_address(farm, optarg);
        else if (row == COUNT)
            farm->count = number("count", optarg, BMCS_MAX);
        else if (row == PORT)
            options->port = (uint16_t)number("port", optarg, 65535);
        else if (row == NAME)
            first_name(farm, optarg);
        else if (row == USER)
            (void)snprintf(farm->user, sizeof farm->user, "%s", optarg);
        else if (row == PASSWORD)
            own_password(farm, optarg);
        else if (row == POWER)
            options->power_on = strcmp(optarg, "on") == 0;
        else if (row == BOOT)
            farm->default_boot = strcmp(optarg, "network") == 0;
        else if (row == CONTROL)
            options->control = optarg;
        else if (row == NODES)
            options->nodes = optarg;
        else if (row == TRUTH)
            options->truth = optarg;
        else if (row == SEED)
            farm->random ^= (uint64_t)number("seed", optarg, UINT32_MAX) << 20;
        else
            return -1;
    }
    return optind;
}

static int farm_open(struct farm *farm, struct options *options)
{
    farm->bmcs = calloc(farm->count, sizeof *farm->bmcs);
    if (!farm->bmcs || agenda_open(&farm->agenda) || net_open(farm, &options->port)) {
        perror("bmc_farm");
        return -1;
    }
    if (options->truth && !(farm->truth = fopen(options->truth, "ae"))) {
        perror(options->truth);
        return -1;
    }
    if (options->control && (farm->control = control_listen(options->control)) < 0)
        return -1;
    if (options->nodes && (farm->nodes = control_connect(options->nodes)) < 0)
        return -1;
    for (uint32_t i = 0; i < farm->count; i++) {
        farm->bmcs[i].faults = faults_none();
        farm->bmcs[i].chassis.policy = 1;
        if (options->power_on)
            chassis_button(farm, &farm->bmcs[i], true);
    }
    printf("listening %s-", bmc_address(farm, &farm->bmcs[0]));
    printf("%s port %u\n", bmc_address(farm, &farm->bmcs[farm->count - 1]), options->port);
    return fflush(stdout);
}

static void farm_close(struct farm *farm)
{
    for (uint32_t i = 0; farm->bmcs && i < farm->count; i++) {
        free(farm->bmcs[i].sessions);
        free(farm->bmcs[i].password);
    }
    free(farm->bmcs);
    agenda_close(&farm->agenda);
    if (farm->truth)
        (void)fclose(farm->truth);
}

static void hear_commands(struct farm *farm)
{
    char command[CONTROL_COMMAND_MAX], answer[1024];
    struct control_caller caller;
    while (control_receive(farm->control, command, &caller)) {
        steer(farm, command, answer, sizeof answer);
        control_answer(farm->control, &caller, answer);
    }
}

static void run_due(struct farm *farm)
{
    struct item item;
    while (agenda_take_due(&farm->agenda, farm->now_us, &item)) {
        if (item.kind == ITEM_REPLY) {
            net_send(farm, &farm->agenda.replies[item.index]);
        } else if (item.token == farm->bmcs[item.index].chassis.edge_token) {
            chassis_edge_due(farm, &farm->bmcs[item.index], item.edge);
        }
    }
    net_flush(farm);
    if (farm->truth)
        (void)fflush(farm->truth);
}

static void wait_for_work(struct farm *farm, const sigset_t *signals)
{
    struct pollfd sockets[2] = {
        {.fd = farm->udp, .events = POLLIN},
        {.fd = farm->control, .events = POLLIN},
    };
    struct timespec left = {0}, *patience = NULL;
    if (farm->agenda.count) {
        const uint64_t due = farm->agenda.items[0].due_us;
        const uint64_t wait = due > farm->now_us ? due - farm->now_us : 0;
        left.tv_sec = (time_t)(wait / 1000000);
        left.tv_nsec = (long)(wait % 1000000) * 1000;
        patience = &left;
    }
    const int ready = ppoll(sockets, 2, patience, signals);
    farm->now_us = clock_us();
    if (ready > 0 && sockets[1].revents)
        hear_commands(farm);
    if (ready > 0 && sockets[0].revents)
        net_receive(farm);
}

static void farm_run(struct farm *farm)
{
    sigset_t ours, before;
    (void)sigemptyset(&ours);
    (void)sigaddset(&ours, SIGTERM);
    (void)sigaddset(&ours, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &ours, &before);
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGINT, on_signal);
    while (!stop && !farm->quit) {
        wait_for_work(farm, &before);
        run_due(farm);
    }
}

int main(int argc, char **argv)
{
    struct farm farm = {
        .first = 0x7f010001,
        .count = 1,
        .name_stem = "n",
        .name_width = 2,
        .name_first = 1,
        .user = "admin",
        .control = -1,
        .nodes = -1,
        .random = 0x9e3779b97f4a7c15ull,
        .now_us = clock_us(),
    };
    struct options options = {.port = 623};
    if (argc > 3 && strcmp(argv[1], "--send") == 0)
        return control_ask(argv[2], argv + 3);
    password_set(&farm.password, "secret");
    if (options_read(argc, argv, &farm, &options) != argc || farm.count == 0) {
        fputs(usage, stderr);
        faults_list(stderr);
        return 2;
    }
    int failed = farm_open(&farm, &options);
    if (!failed)
        farm_run(&farm);
    farm_close(&farm);
    return failed ? 1 : 0;
}
