#include "proto/tftp.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "proto/cursor.h"
#include "proto/text.h"

/* Decimal digits and nothing else; false also if it does not fit. */
static bool parse_number(const char *text, uint64_t max, uint64_t *out)
{
    uint64_t n = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9' || n > (UINT64_MAX - 9) / 10)
            return false;
        n = n * 10 + (uint64_t)(*text - '0');
    }
    if (n > max)
        return false;
    *out = n;
    return true;
}

static void take_option(struct tftp *tftp, const char *name, const char *value)
{
    static const struct {
        const char *name;
        uint64_t max;
    } options[] = {
        {"tsize", INT64_MAX},
        {"blksize", TFTP_BLKSIZE_MAX},
        {"windowsize", UINT16_MAX},
        {"timeout", 255},
    };
    for (size_t i = 0; i < sizeof options / sizeof options[0]; i++) {
        uint64_t number;
        if (strcasecmp(name, options[i].name) || !parse_number(value, options[i].max, &number))
            continue;
        switch (i) {
        case 0:
            tftp->has_tsize = true;
            tftp->tsize = number;
            break;
        case 1:
            tftp->blksize = number < TFTP_BLKSIZE_MIN ? 0 : (uint16_t)number;
            break;
        case 2:
            tftp->windowsize = (uint16_t)number;
            break;
        case 3:
            tftp->timeout_s = (uint16_t)number;
            break;
        }
    }
}

static void take_options(struct tftp *tftp, struct cursor *c)
{
    while (c->left) {
        const char *name = get_text(c), *value = get_text(c);
        if (c->bad)
            return; /* cut short by the capture, or padding: what came whole counts */
        take_option(tftp, name, value);
    }
}

static int take_request(struct tftp *tftp, struct cursor *c, struct err *err)
{
    const char *file = get_text(c), *mode = get_text(c);
    if (c->bad || !*file)
        return err_set(err, ERR_PROTOCOL, "TFTP: a request without a file name or mode");
    if (strcasecmp(mode, "octet") && strcasecmp(mode, "netascii"))
        return err_set(err, ERR_PROTOCOL, "TFTP: a request in no known mode");
    (void)text_copy(tftp->file, sizeof tftp->file, file, strlen(file));
    take_options(tftp, c);
    return 0;
}

int tftp_decode(const void *bytes, size_t size, size_t whole, struct tftp *tftp, struct err *err)
{
    struct tftp out = {0};
    struct cursor c = cursor(bytes, size);
    uint16_t op = get_be16(&c);
    switch (op) {
    case TFTP_RRQ:
    case TFTP_WRQ:
        if (take_request(&out, &c, err))
            return -1;
        break;
    case TFTP_DATA:
        out.block = get_be16(&c);
        if (whole < size || whole > UINT16_MAX)
            return err_set(err, ERR_PROTOCOL, "TFTP: lengths do not fit together");
        out.data_size = whole >= TFTP_HEADER_SIZE ? (uint32_t)(whole - TFTP_HEADER_SIZE) : 0;
        break;
    case TFTP_ACK:
        out.block = get_be16(&c);
        break;
    case TFTP_ERROR:
        out.error = get_be16(&c);
        /* Some clients leave out the final NUL (measured: a boot ROM's "TFTP Aborted"). */
        (void)text_copy(out.text, sizeof out.text, c.at, c.left);
        break;
    case TFTP_OACK:
        take_options(&out, &c);
        c.bad = false;
        break;
    default:
        return err_set(err, ERR_PROTOCOL, "TFTP: there is no operation %d", op);
    }
    if (c.bad && op >= TFTP_DATA)
        return err_set(err, ERR_PROTOCOL, "TFTP: %zu bytes are too few for operation %d", size, op);
    out.op = (enum tftp_op)op;
    *tftp = out;
    return 0;
}
