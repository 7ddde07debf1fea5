/* modbus_noise - a bad wire: a relay between a master and the slaves' pty that spoils frames, by
 * chance, and the chance is seeded.
 *
 *   modbus_noise LINK SLAVES SEED KEY=VALUE...
 *
 * SLAVES is the tty where they are; LINK becomes a link to the pty for the master.  What comes in
 * one read is taken to be a frame (who writes a frame writes it at once).  Out of 1000 frames:
 *     flip       have 1 to 3 bits turned over
 *     lose       miss 1 to 3 bytes, or (one in four) are lost
 *     noise      are preceded or followed by 1 to 12 bytes of nonsense
 * and of replies only:
 *     late       come after late_ms (and up to as much again, for late_spread_ms)
 *     duplicate  come twice, the second within 2 ms
 * At SIGUSR1 it prints what it did so far as a JSON object; at SIGTERM so, and ends. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

enum { FRAME_MAX = 512, HELD_MAX = 64 };

enum kind { FLIP, LOSE, NOISE, LATE, DUPLICATE, LATE_MS, LATE_SPREAD_MS, KINDS };
static const char *const kind_names[KINDS] = {"flip",      "lose",    "noise",         "late",
                                              "duplicate", "late_ms", "late_spread_ms"};

struct held { /* a reply that is to come later */
    double at_ms;
    size_t size;
    uint8_t bytes[FRAME_MAX];
};

struct wire {
    int master, slaves;
    uint64_t random;
    uint32_t settings[KINDS];
    uint64_t requests, replies, done[KINDS];
    size_t nheld;
    struct held held[HELD_MAX];
};

static volatile sig_atomic_t ended, asked;

static void take_signal(int number)
{
    *(number == SIGTERM ? &ended : &asked) = 1;
}

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* xorshift64*: 0 to below - 1. */
static uint32_t chance(struct wire *wire, uint32_t below)
{
    uint64_t x = wire->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    wire->random = x;
    return (uint32_t)((x * 0x2545f4914f6cdd1dULL) >> 32) % below;
}

static bool happens(struct wire *wire, enum kind kind)
{
    if (chance(wire, 1000) >= wire->settings[kind])
        return false;
    wire->done[kind]++;
    return true;
}

static void put(int fd, const uint8_t *bytes, size_t size)
{
    if (size && write(fd, bytes, size) < 0 && errno != EAGAIN)
        fprintf(stderr, "modbus_noise: %s\n", strerror(errno));
}

static void put_noise(struct wire *wire, int fd)
{
    uint8_t bytes[12];
    size_t size = 1 + chance(wire, sizeof bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)chance(wire, 256);
    put(fd, bytes, size);
}

static size_t spoil(struct wire *wire, uint8_t *bytes, size_t size)
{
    if (happens(wire, FLIP))
        for (uint32_t n = 1 + chance(wire, 3); n; n--)
            bytes[chance(wire, (uint32_t)size)] ^= (uint8_t)(1U << chance(wire, 8));
    if (!happens(wire, LOSE))
        return size;
    if (chance(wire, 4) == 0)
        return 0;
    for (uint32_t n = 1 + chance(wire, 3); n && size; n--) {
        size_t at = chance(wire, (uint32_t)size);
        memmove(bytes + at, bytes + at + 1, size - at - 1);
        size--;
    }
    return size;
}

static void hold(struct wire *wire, const uint8_t *bytes, size_t size, double at_ms)
{
    if (wire->nheld == HELD_MAX)
        return; /* lost, then */
    struct held *held = &wire->held[wire->nheld++];
    held->at_ms = at_ms;
    held->size = size;
    memcpy(held->bytes, bytes, size);
}

static void pass(struct wire *wire, int from, int to, bool is_reply)
{
    uint8_t bytes[FRAME_MAX];
    ssize_t got = read(from, bytes, sizeof bytes);
    if (got <= 0)
        return;
    *(is_reply ? &wire->replies : &wire->requests) += 1;
    size_t size = spoil(wire, bytes, (size_t)got);
    bool noisy = happens(wire, NOISE), before = noisy && chance(wire, 2);
    if (before)
        put_noise(wire, to);
    if (is_reply && happens(wire, LATE)) {
        uint32_t spread = wire->settings[LATE_SPREAD_MS];
        hold(wire, bytes, size,
             now_ms() + wire->settings[LATE_MS] + (spread ? chance(wire, spread) : 0));
    } else {
        put(to, bytes, size);
        if (is_reply && happens(wire, DUPLICATE))
            hold(wire, bytes, size, now_ms() + chance(wire, 3));
    }
    if (noisy && !before)
        put_noise(wire, to);
}

/* Sends what is due; milliseconds until the next is, or -1. */
static int release(struct wire *wire)
{
    double now = now_ms(), next = -1;
    for (size_t i = 0; i < wire->nheld;) {
        struct held *held = &wire->held[i];
        if (held->at_ms <= now) {
            put(wire->master, held->bytes, held->size);
            *held = wire->held[--wire->nheld];
            continue;
        }
        if (next < 0 || held->at_ms < next)
            next = held->at_ms;
        i++;
    }
    return next < 0 ? -1 : (int)(next - now) + 1;
}

static void tell(const struct wire *wire)
{
    printf("{\"frames\": %" PRIu64 ", \"requests\": %" PRIu64 ", \"replies\": %" PRIu64,
           wire->requests + wire->replies, wire->requests, wire->replies);
    for (enum kind kind = 0; kind < LATE_MS; kind++)
        printf(", \"%s\": %" PRIu64, kind_names[kind], wire->done[kind]);
    puts("}");
    fflush(stdout);
}

static void relay(struct wire *wire)
{
    while (!ended) {
        if (asked) {
            asked = 0;
            tell(wire);
        }
        struct pollfd pollers[2] = {{.fd = wire->master, .events = POLLIN},
                                    {.fd = wire->slaves, .events = POLLIN}};
        if (poll(pollers, 2, release(wire)) <= 0)
            continue;
        if (pollers[0].revents & POLLIN)
            pass(wire, wire->master, wire->slaves, false);
        if (pollers[1].revents & POLLIN)
            pass(wire, wire->slaves, wire->master, true);
    }
}

static int open_wire(struct wire *wire, const char *link, const char *slaves)
{
    struct termios raw = {0};
    cfmakeraw(&raw);
    char name[256];
    int mine; /* stays open: else a master that closes would be the end of the line */
    if (openpty(&wire->master, &mine, name, &raw, NULL) < 0)
        return -1;
    wire->slaves = open(slaves, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (wire->slaves < 0 || fcntl(wire->master, F_SETFL, O_NONBLOCK) < 0)
        return -1;
    unlink(link);
    return symlink(name, link);
}

static int read_setting(struct wire *wire, const char *text)
{
    for (enum kind kind = 0; kind < KINDS; kind++) {
        size_t length = strlen(kind_names[kind]);
        if (strncmp(text, kind_names[kind], length) == 0 && text[length] == '=') {
            wire->settings[kind] = (uint32_t)strtoul(text + length + 1, NULL, 10);
            return 0;
        }
    }
    return -1;
}

int main(int argc, char *argv[])
{
    static struct wire wire;
    if (argc < 4) {
        fprintf(stderr, "usage: modbus_noise LINK SLAVES SEED KEY=VALUE...\n");
        return 2;
    }
    wire.random = strtoull(argv[3], NULL, 10) * 0x9e3779b97f4a7c15ULL + 1;
    for (int i = 4; i < argc; i++)
        if (read_setting(&wire, argv[i]) < 0) {
            fprintf(stderr, "modbus_noise: %s?\n", argv[i]);
            return 2;
        }
    struct sigaction action = {.sa_handler = take_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGUSR1, &action, NULL);
    if (open_wire(&wire, argv[1], argv[2]) < 0) {
        perror("modbus_noise");
        return 1;
    }
    printf("ready %s\n", argv[1]);
    fflush(stdout);
    relay(&wire);
    tell(&wire);
    return 0;
}
