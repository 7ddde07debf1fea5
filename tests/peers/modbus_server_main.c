/* modbus_server - a slave that is libmodbus's own server: modbus_mapping, modbus_reply, and for a
 * single unit modbus_receive, too.  The second opinion beside tests/peers/pdu, and fast enough to
 * be the slave of a hundred thousand frames.
 *
 *   modbus_server rtu LINK | tcp PORT  UNITS OUTLETS [TRUTH]
 *
 * Units are 1 to UNITS. Outlet n of each can be read and written in every way Modbus has:
 *     coil n-1, discrete input n-1       holding register n-1, input register n-1: 1 or 0
 *     holding register 100: outlet n is bit n-1       input register 200+n-1: watts, 100 if on
 * LINK becomes a link to a pty.  Says "ready PLACE".  TRUTH: JSON lines as tests/peers/pdu writes
 * them, with the time at which the request came. */
#include <errno.h>
#include <inttypes.h>
#include <modbus/modbus.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum {
    UNITS_MAX = 247,
    OUTLETS_MAX = 16, /* so that one register has a bit for each */
    REGISTERS = 300,
    MASK_AT = 100,
    WATTS_AT = 200,
    CONNECTIONS_MAX = 8,
    SILENCE_MS = 3, /* what came before such a pause is no part of a frame */
};

struct unit {
    modbus_mapping_t *mapping;
    uint16_t on; /* outlet n is bit n-1 */
};

struct server {
    modbus_t *ctx;
    int noutlets, nunits;
    FILE *truth;
    double heard_ms; /* when the request came: libmodbus executes and answers in one go */
    struct unit units[UNITS_MAX + 1];
};

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void tell(struct server *server, int unit, const char *what, const uint8_t *pdu, int size)
{
    if (!server->truth)
        return;
    fprintf(server->truth, "{\"ms\": %.3f, \"device\": \"unit-%d\", %s\"", server->heard_ms, unit,
            what);
    for (int i = 0; i < size; i++)
        fprintf(server->truth, "%02x", pdu[i]);
    fputs("\"}\n", server->truth);
    fflush(server->truth);
}

/* The same outlets, seen through every table. */
static void show(struct server *server, struct unit *unit)
{
    modbus_mapping_t *map = unit->mapping;
    for (int i = 0; i < server->noutlets; i++) {
        bool on = unit->on >> i & 1;
        map->tab_bits[i] = map->tab_input_bits[i] = on;
        map->tab_registers[i] = map->tab_input_registers[i] = on;
        map->tab_input_registers[WATTS_AT + i] = on ? 100 : 0;
    }
    map->tab_registers[MASK_AT] = unit->on;
}

/* What a write has changed in one of the tables. */
static uint16_t written(const struct server *server, const struct unit *unit)
{
    const modbus_mapping_t *map = unit->mapping;
    uint16_t on = unit->on;
    for (int i = 0; i < server->noutlets; i++) {
        bool was = unit->on >> i & 1;
        if ((map->tab_bits[i] != 0) != was || (map->tab_registers[i] != 0) != was)
            on ^= (uint16_t)(1U << i);
    }
    return map->tab_registers[MASK_AT] != unit->on ? map->tab_registers[MASK_AT] : on;
}

/* `frame`: unit and PDU. */
static void take_write(struct server *server, const uint8_t *frame, int size)
{
    int at = frame[0];
    struct unit *unit = &server->units[at];
    uint16_t on = written(server, unit), changed = on ^ unit->on;
    for (int i = 0; i < server->noutlets; i++)
        if (changed >> i & 1) {
            char what[96];
            snprintf(what, sizeof what,
                     "\"event\": \"switch\", \"outlet\": %d, \"power\": \"%s\", \"by\": ", i + 1,
                     on >> i & 1 ? "on" : "off");
            tell(server, at, what, frame, size);
        }
    unit->on = on;
    show(server, unit);
    tell(server, at, "\"event\": \"write\", \"request\": ", frame, size);
}

static void answer(struct server *server, const uint8_t *request, int size)
{
    int head = modbus_get_header_length(server->ctx); /* to the function code */
    const uint8_t *frame = request + head - 1;
    int at = frame[0];
    if (at < 1 || at > server->nunits)
        return;
    server->heard_ms = now_ms();
    if (modbus_reply(server->ctx, request, size, server->units[at].mapping) < 0)
        fprintf(stderr, "modbus_server: %s\n", modbus_strerror(errno));
    int crc = head == 1 ? 2 : 0;
    if (frame[1] == 5 || frame[1] == 6 || frame[1] == 15 || frame[1] == 16)
        take_write(server, frame, size - (head - 1) - crc);
}

static uint16_t crc16(const uint8_t *bytes, int size)
{
    uint16_t crc = 0xffff;
    for (int i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++)
            crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1);
    }
    return crc;
}

/* How long a request is, with its CRC; 0: cannot be said (yet). */
static int request_size(const uint8_t *bytes, int size)
{
    if (size < 2)
        return 0;
    if (bytes[1] != 15 && bytes[1] != 16)
        return 8;
    return size < 7 ? 0 : 9 + bytes[6];
}

/* libmodbus receives for one unit only, so a line of several is read here. */
static void serve_units(struct server *server, int fd)
{
    uint8_t bytes[512];
    int have = 0;
    for (;;) {
        struct pollfd poller = {.fd = fd, .events = POLLIN};
        if (poll(&poller, 1, have ? SILENCE_MS : -1) == 0) {
            have = 0;
            continue;
        }
        ssize_t got = read(fd, bytes + have, sizeof bytes - (size_t)have);
        if (got <= 0)
            return;
        have += (int)got;
        int size = request_size(bytes, have);
        if (!size || have < size) {
            if (have == (int)sizeof bytes)
                have = 0;
            continue;
        }
        uint16_t crc = crc16(bytes, size - 2);
        /* All that has come goes, also when a frame was broken: the next one begins after a pause. */
        if (bytes[size - 2] == (crc & 0xff) && bytes[size - 1] == crc >> 8)
            answer(server, bytes, size);
        have = 0;
    }
}

/* One request on the connection that is set; false: it is closed. */
static bool serve_request(struct server *server)
{
    uint8_t request[MODBUS_TCP_MAX_ADU_LENGTH];
    int size = modbus_receive(server->ctx, request);
    if (size > 0)
        answer(server, request, size);
    return size >= 0 || (errno != ECONNRESET && errno != EIO && errno != EBADF);
}

static int listen_at(const char *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                  .sin_port = htons((uint16_t)strtol(port, NULL, 10))};
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    (void)setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(listener, 8) < 0) {
        perror(port);
        return -1;
    }
    return listener;
}

/* libmodbus knows one connection; it is given the one that has something to say. */
static int serve_tcp(struct server *server, const char *port)
{
    struct pollfd pollers[1 + CONNECTIONS_MAX] = {{.fd = listen_at(port), .events = POLLIN}};
    nfds_t count = 1;
    server->ctx = modbus_new_tcp("127.0.0.1", 0);
    if (pollers[0].fd < 0)
        return 1;
    printf("ready 127.0.0.1:%s\n", port);
    fflush(stdout);
    while (poll(pollers, count, -1) > 0) {
        for (nfds_t i = count - 1; i >= 1; i--) {
            modbus_set_socket(server->ctx, pollers[i].fd);
            if (pollers[i].revents && !serve_request(server)) {
                close(pollers[i].fd);
                pollers[i] = pollers[--count];
            }
        }
        if (pollers[0].revents && count <= CONNECTIONS_MAX)
            pollers[count++] =
                (struct pollfd){.fd = accept(pollers[0].fd, NULL, NULL), .events = POLLIN};
    }
    return 1;
}

static int serve_rtu(struct server *server, const char *link)
{
    int master, slave; /* the slave's end stays open: a client that closes does not end the line */
    char name[256];
    struct termios raw = {0};
    cfmakeraw(&raw);
    if (openpty(&master, &slave, name, &raw, NULL) < 0)
        return 1;
    unlink(link);
    if (symlink(name, link) < 0) {
        perror(link);
        return 1;
    }
    server->ctx = modbus_new_rtu(name, 115200, 'N', 8, 1);
    modbus_set_socket(server->ctx, master);
    modbus_set_slave(server->ctx, 1);
    printf("ready %s\n", link);
    fflush(stdout);
    if (server->nunits == 1)
        while (serve_request(server))
            continue;
    else
        serve_units(server, master);
    return 1;
}

int main(int argc, char *argv[])
{
    static struct server server;
    if (argc < 5 || argc > 6) {
        fprintf(stderr, "usage: modbus_server rtu LINK | tcp PORT  UNITS OUTLETS [TRUTH]\n");
        return 2;
    }
    server.nunits = (int)strtol(argv[3], NULL, 10);
    server.noutlets = (int)strtol(argv[4], NULL, 10);
    if (server.nunits < 1 || server.nunits > UNITS_MAX || server.noutlets < 1 ||
        server.noutlets > OUTLETS_MAX)
        return 2;
    if (argc == 6 && !(server.truth = fopen(argv[5], "ae"))) {
        perror(argv[5]);
        return 1;
    }
    for (int i = 1; i <= server.nunits; i++)
        server.units[i].mapping =
            modbus_mapping_new(server.noutlets, server.noutlets, REGISTERS, REGISTERS);
    return strcmp(argv[1], "tcp") == 0 ? serve_tcp(&server, argv[2]) : serve_rtu(&server, argv[2]);
}
