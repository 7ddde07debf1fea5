#include "proto/dhcp.h"

#include <string.h>

#include "proto/cursor.h"
#include "proto/text.h"

enum {
    OPTION_PAD = 0,
    OPTION_REQUESTED = 50,
    OPTION_OVERLOAD = 52,
    OPTION_TYPE = 53,
    OPTION_SERVER = 54,
    OPTION_MESSAGE = 56,
    OPTION_VENDOR_CLASS = 60,
    OPTION_CLIENT_ID = 61,
    OPTION_SERVER_NAME = 66,
    OPTION_FILE = 67,
    OPTION_USER_CLASS = 77,
    OPTION_RELAY = 82,
    OPTION_ARCH = 93,
    OPTION_UUID = 97,
    OPTION_IPXE = 175,
    OPTION_END = 255,

    SNAME_SIZE = 64,
    FILE_SIZE = 128,
    OPTION_MAX = 512, /* of one option, its parts put together */
    OVERLOAD_FILE = 1,
    OVERLOAD_SNAME = 2,
};

/* Where options may stand, in the order RFC 3396 reads them. */
struct areas {
    struct cursor area[3];
    size_t count;
};

struct option {
    uint8_t bytes[OPTION_MAX];
    size_t size;
    bool found;
};

static void option_append(struct option *option, struct cursor part)
{
    size_t room = sizeof option->bytes - option->size;
    size_t size = part.left < room ? part.left : room;
    get_bytes(&part, option->bytes + option->size, size);
    option->size += size;
    option->found = true;
}

/* All parts of one option out of all areas. An option cut off by the end counts as not said. */
static struct option option_find(const struct areas *areas, uint8_t wanted)
{
    struct option option = {0};
    for (size_t i = 0; i < areas->count; i++) {
        struct cursor c = areas->area[i];
        while (c.left) {
            uint8_t code = get_u8(&c);
            if (code == OPTION_PAD)
                continue;
            if (code == OPTION_END)
                break;
            struct cursor part = get_part(&c, get_u8(&c));
            if (code == wanted && !part.bad)
                option_append(&option, part);
        }
    }
    return option;
}

static struct ipv4 option_address(const struct areas *areas, uint8_t code)
{
    struct option option = option_find(areas, code);
    struct cursor c = cursor(option.bytes, option.size);
    return (struct ipv4){get_be32(&c)};
}

static void option_text(const struct areas *areas, uint8_t code, char *out, size_t size)
{
    struct option option = option_find(areas, code);
    if (option.found && option.size)
        (void)text_copy(out, size, option.bytes, option.size);
}

static enum dhcp_type type_of(const struct areas *areas)
{
    struct option option = option_find(areas, OPTION_TYPE);
    if (!option.found || option.size != 1)
        return DHCP_BOOTP;
    return option.bytes[0] > DHCP_BOOTP && option.bytes[0] < DHCP_OTHER
               ? (enum dhcp_type)option.bytes[0]
               : DHCP_OTHER;
}

enum dhcp_class dhcp_classify(const char *vendor_class, const char *user_class, bool has_175)
{
    /* 77 is a row of length-prefixed names by RFC 3004, and a bare name as iPXE sends it. */
    if (has_175 || strstr(user_class, "iPXE") || strstr(user_class, "gPXE"))
        return CLASS_IPXE;
    if (!strncmp(vendor_class, "PXEClient", 9))
        return CLASS_ROM;
    if (!strncmp(vendor_class, "HTTPClient", 10))
        return CLASS_HTTP;
    /* Etherboot 5 is a ROM of its own making, and loads a tagged kernel in one step. */
    if (!strncmp(vendor_class, "Etherboot", 9))
        return CLASS_ROM;
    return CLASS_OS;
}

static void decode_identity(const struct areas *areas, struct dhcp *dhcp)
{
    option_text(areas, OPTION_VENDOR_CLASS, dhcp->vendor_class, sizeof dhcp->vendor_class);
    option_text(areas, OPTION_USER_CLASS, dhcp->user_class, sizeof dhcp->user_class);
    struct option arch = option_find(areas, OPTION_ARCH);
    struct cursor c = cursor(arch.bytes, arch.size);
    uint16_t first = get_be16(&c);
    dhcp->arch = c.bad ? -1 : first;
    struct option uuid = option_find(areas, OPTION_UUID);
    dhcp->has_uuid = uuid.size == 17 && uuid.bytes[0] == 0;
    if (dhcp->has_uuid)
        memcpy(dhcp->uuid, uuid.bytes + 1, sizeof dhcp->uuid);
    if (!dhcp->reply && dhcp->type != DHCP_BOOTP)
        dhcp->class = dhcp_classify(dhcp->vendor_class, dhcp->user_class,
                                    option_find(areas, OPTION_IPXE).found);
    /* InfiniBand leaves chaddr empty and says its MAC in 61, if at all: type 1 and six bytes. */
    struct option id = option_find(areas, OPTION_CLIENT_ID);
    if (!mac_known(dhcp->mac) && id.size == 7 && id.bytes[0] == 1)
        memcpy(dhcp->mac.byte, id.bytes + 1, sizeof dhcp->mac.byte);
}

static void decode_options(struct cursor rest, struct cursor sname, struct cursor file,
                           struct dhcp *dhcp)
{
    static const uint8_t magic[4] = {99, 130, 83, 99};
    const uint8_t *cookie = get_span(&rest, sizeof magic);
    struct areas areas = {{rest}, cookie && !memcmp(cookie, magic, sizeof magic)};
    struct option overload = option_find(&areas, OPTION_OVERLOAD);
    uint8_t used = overload.size == 1 ? overload.bytes[0] : 0;
    if (used & OVERLOAD_FILE)
        areas.area[areas.count++] = file;
    else
        (void)text_copy(dhcp->file, sizeof dhcp->file, file.at, file.left);
    if (used & OVERLOAD_SNAME)
        areas.area[areas.count++] = sname;
    else
        (void)text_copy(dhcp->server_name, sizeof dhcp->server_name, sname.at, sname.left);

    dhcp->type = type_of(&areas);
    dhcp->requested = option_address(&areas, OPTION_REQUESTED);
    dhcp->server = option_address(&areas, OPTION_SERVER);
    option_text(&areas, OPTION_SERVER_NAME, dhcp->server_name, sizeof dhcp->server_name);
    option_text(&areas, OPTION_FILE, dhcp->file, sizeof dhcp->file);
    option_text(&areas, OPTION_MESSAGE, dhcp->message, sizeof dhcp->message);
    dhcp->relayed = ipv4_known(dhcp->giaddr) || option_find(&areas, OPTION_RELAY).found;
    decode_identity(&areas, dhcp);
}

int dhcp_decode(const void *bytes, size_t size, struct dhcp *dhcp, struct err *err)
{
    struct dhcp out = {0};
    struct cursor c = cursor(bytes, size);
    uint8_t op = get_u8(&c), hardware = get_u8(&c), hardware_size = get_u8(&c);
    skip(&c, 1); /* hops */
    out.reply = op == 2;
    out.xid = get_be32(&c);
    skip(&c, 4); /* secs, flags */
    out.ciaddr.host_order = get_be32(&c);
    out.yiaddr.host_order = get_be32(&c);
    out.siaddr.host_order = get_be32(&c);
    out.giaddr.host_order = get_be32(&c);
    if (hardware == 1 && hardware_size == sizeof out.mac.byte)
        get_bytes(&c, out.mac.byte, sizeof out.mac.byte);
    else
        skip(&c, sizeof out.mac.byte);
    skip(&c, 10); /* the rest of chaddr */
    struct cursor sname = get_part(&c, SNAME_SIZE), file = get_part(&c, FILE_SIZE);
    if (c.bad)
        return err_set(err, ERR_PROTOCOL, "DHCP: %zu bytes are too few for its fixed fields", size);
    if (op != 1 && op != 2)
        return err_set(err, ERR_PROTOCOL, "DHCP: operation %d is neither request nor reply", op);
    decode_options(c, sname, file, &out);
    *dhcp = out;
    return 0;
}
