/* pxe_nodes - simulated nodes that boot from a real boot server. */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/peers/common/control_socket.h"
#include "tests/peers/pxe_nodes/nodes.h"

static const char usage[] =
    "usage: pxe_nodes --interface IF [OPTION]...   run nodes until SIGTERM, SIGINT or `quit`\n"
    "       pxe_nodes --send SOCKET WORD...        steer running nodes\n"
    "  --count N            how many (1)\n"
    "  --name NAME          the first node's name (n01); the others count up\n"
    "  --mac MAC            the first node's address (52:54:00:77:01:01); likewise\n"
    "  --config, --kernel, --initrd FILE   fetched by TFTP after the loader, in this order\n"
    "  --ipxe               the loader asks DHCP again, as iPXE, which names the config\n"
    "  --post MS, --post-spread MS         from power-on to the first DHCP (50, 0)\n"
    "  --kernel-time MS, --init-time MS    from the last file to DHCP, and from there to up (200, "
    "50)\n"
    "  --rate KBYTES        per second and node, in transfers (unlimited)\n"
    "  --port N             TCP port that is open when a node is up (22)\n"
    "  --control SOCKET     listen here for commands\n"
    "  --log FILE           append each stage: \"MS NAME boot N STAGE\"\n"
    "  --seed N             other POST times\n"
    "commands, WHO being a name or `all`:\n"
    "  WHO on|reset network|disk | WHO off | WHO clear | report | quit\n"
    "  WHO hang post|loader|config|kernel|initrd|boot|init [N%] [boot K]\n"
    "  WHO disk [boot K] | WHO disk-os [boot K]\n";

struct options {
    const char *interface, *control, *log;
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

static unsigned number(const char *option, const char *text, unsigned max)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno || end == text || *end || value > max) {
        fprintf(stderr, "pxe_nodes: --%s %s: a number up to %u\n", option, text, max);
        exit(2);
    }
    return (unsigned)value;
}

static void first_name(struct swarm *swarm, const char *name)
{
    size_t stem = strlen(name);
    while (stem > 0 && isdigit((unsigned char)name[stem - 1]))
        stem--;
    swarm->name_width = (unsigned)(strlen(name) - stem);
    swarm->name_first = swarm->name_width ? number("name", name + stem, 1000000) : 1;
    (void)snprintf(swarm->name_stem, sizeof swarm->name_stem, "%.*s", (int)stem, name);
}

static void first_mac(struct swarm *swarm, const char *text)
{
    uint8_t *m = swarm->first_mac;
    if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", m, m + 1, m + 2, m + 3, m + 4, m + 5) != 6) {
        fprintf(stderr, "pxe_nodes: --mac %s: not six bytes\n", text);
        exit(2);
    }
}

/* One option, its value in `text`; true if it is one that says where to listen and tell. */
static bool place_option(struct options *options, const char *name, const char *text)
{
    const char **place = strcmp(name, "interface") == 0 ? &options->interface
                         : strcmp(name, "control") == 0 ? &options->control
                         : strcmp(name, "log") == 0     ? &options->log
                                                        : NULL;
    if (place)
        *place = text;
    return place;
}

static bool pace_option(struct pace *pace, const char *name, const char *text)
{
    enum { HOUR_MS = 3600000 };
    unsigned *value = strcmp(name, "post") == 0          ? &pace->post_ms
                      : strcmp(name, "post-spread") == 0 ? &pace->post_spread_ms
                      : strcmp(name, "kernel-time") == 0 ? &pace->kernel_ms
                      : strcmp(name, "init-time") == 0   ? &pace->init_ms
                      : strcmp(name, "rate") == 0        ? &pace->kbytes_per_second
                                                         : NULL;
    if (value)
        *value = number(name, text, HOUR_MS);
    return value;
}

static void swarm_option(struct swarm *swarm, const char *name, const char *text)
{
    if (strcmp(name, "count") == 0)
        swarm->count = number(name, text, NODES_MAX);
    else if (strcmp(name, "name") == 0)
        first_name(swarm, text);
    else if (strcmp(name, "mac") == 0)
        first_mac(swarm, text);
    else if (strcmp(name, "config") == 0)
        swarm->config = text;
    else if (strcmp(name, "kernel") == 0)
        swarm->kernel = text;
    else if (strcmp(name, "initrd") == 0)
        swarm->initrd = text;
    else if (strcmp(name, "ipxe") == 0)
        swarm->ipxe = true;
    else if (strcmp(name, "port") == 0)
        swarm->up_port = (uint16_t)number(name, text, 65535);
    else if (strcmp(name, "seed") == 0)
        swarm->random ^= (uint64_t)number(name, text, UINT32_MAX) << 20;
}

static int options_read(int argc, char **argv, struct swarm *swarm, struct options *options)
{
    static const struct option rows[] = {
        {"interface", 1, 0, 1},   {"count", 1, 0, 1},       {"name", 1, 0, 1},
        {"mac", 1, 0, 1},         {"config", 1, 0, 1},      {"kernel", 1, 0, 1},
        {"initrd", 1, 0, 1},      {"ipxe", 0, 0, 1},        {"post", 1, 0, 1},
        {"post-spread", 1, 0, 1}, {"kernel-time", 1, 0, 1}, {"init-time", 1, 0, 1},
        {"rate", 1, 0, 1},        {"port", 1, 0, 1},        {"control", 1, 0, 1},
        {"log", 1, 0, 1},         {"seed", 1, 0, 1},        {0},
    };
    int found, row;
    while ((found = getopt_long(argc, argv, "", rows, &row)) != -1) {
        if (found != 1)
            return -1;
        const char *name = rows[row].name;
        if (!place_option(options, name, optarg) && !pace_option(&swarm->pace, name, optarg))
            swarm_option(swarm, name, optarg);
    }
    return options->interface && swarm->count && optind == argc ? 0 : -1;
}

static int wire_open(const char *interface)
{
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const struct sockaddr_ll address = {
        .sll_family = AF_PACKET,
        .sll_protocol = htons(ETH_P_ALL),
        .sll_ifindex = (int)if_nametoindex(interface),
    };
    const int buffer = 8 << 20, on = 1; /* room for all nodes at once; not granted everywhere */
    if (fd < 0 || address.sll_ifindex == 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof address)) {
        fprintf(stderr, "pxe_nodes: %s: %s\n", interface, strerror(errno));
        return -1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
    (void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
    return fd;
}

static int swarm_open(struct swarm *swarm, const struct options *options)
{
    swarm->nodes = calloc(swarm->count, sizeof *swarm->nodes);
    swarm->wire = wire_open(options->interface);
    if (!swarm->nodes || swarm->wire < 0)
        return -1;
    if (options->control && (swarm->control = control_listen(options->control)) < 0)
        return -1;
    if (options->log && !(swarm->log = fopen(options->log, "ae"))) {
        perror(options->log);
        return -1;
    }
    for (unsigned i = 0; i < swarm->count; i++)
        swarm->nodes[i].due_us = UINT64_MAX;
    puts("listening");
    return fflush(stdout);
}

static void hear_commands(struct swarm *swarm)
{
    static char answer[CONTROL_ANSWER_MAX];
    char command[CONTROL_COMMAND_MAX];
    struct control_caller caller;
    while (control_receive(swarm->control, command, &caller)) {
        steer(swarm, command, answer, sizeof answer);
        control_answer(swarm->control, &caller, answer);
    }
}

static void hear_frames(struct swarm *swarm)
{
    enum { BATCH = 256 }; /* then the timers' turn */
    uint8_t frame[FRAME_MAX + 512];
    for (int i = 0; i < BATCH; i++) {
        const ssize_t size = recv(swarm->wire, frame, sizeof frame, 0);
        if (size < 0)
            return;
        answer_frame(swarm, frame, (size_t)size);
    }
}

/* The nodes are few: a look at each costs less than keeping them in order. */
static uint64_t run_due(struct swarm *swarm)
{
    uint64_t next = UINT64_MAX;
    for (unsigned i = 0; i < swarm->count; i++) {
        struct node *node = &swarm->nodes[i];
        if (node->due_us <= swarm->now_us)
            node_time_is_up(swarm, node);
        if (node->due_us < next)
            next = node->due_us;
    }
    return next;
}

static void swarm_run(struct swarm *swarm)
{
    struct pollfd sockets[2] = {
        {.fd = swarm->wire, .events = POLLIN},
        {.fd = swarm->control, .events = POLLIN},
    };
    sigset_t ours, before;
    (void)sigemptyset(&ours);
    (void)sigaddset(&ours, SIGTERM);
    (void)sigaddset(&ours, SIGINT);
    (void)sigprocmask(SIG_BLOCK, &ours, &before);
    (void)signal(SIGTERM, on_signal);
    (void)signal(SIGINT, on_signal);
    while (!stop && !swarm->quit) {
        const uint64_t next = run_due(swarm);
        const uint64_t wait = next > swarm->now_us ? next - swarm->now_us : 0;
        const struct timespec left = {(time_t)(wait / 1000000), (long)(wait % 1000000) * 1000};
        const int ready = ppoll(sockets, 2, next == UINT64_MAX ? NULL : &left, &before);
        swarm->now_us = clock_us();
        if (ready > 0 && sockets[1].revents)
            hear_commands(swarm);
        if (ready > 0 && sockets[0].revents)
            hear_frames(swarm);
    }
}

int main(int argc, char **argv)
{
    struct swarm swarm = {
        .now_us = clock_us(),
        .count = 1,
        .first_mac = {0x52, 0x54, 0x00, 0x77, 0x01, 0x01},
        .name_stem = "n",
        .name_width = 2,
        .name_first = 1,
        .up_port = 22,
        .pace = {.post_ms = 50, .kernel_ms = 200, .init_ms = 50},
        .wire = -1,
        .control = -1,
        .random = 0x9e3779b97f4a7c15ull,
    };
    struct options options = {0};
    if (argc > 3 && strcmp(argv[1], "--send") == 0)
        return control_ask(argv[2], argv + 3);
    if (options_read(argc, argv, &swarm, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    const int failed = swarm_open(&swarm, &options);
    if (!failed)
        swarm_run(&swarm);
    free(swarm.nodes);
    if (swarm.log)
        (void)fclose(swarm.log);
    return failed ? 1 : 0;
}
