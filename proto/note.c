#include "proto/note.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "proto/cleanup.h"
#include "proto/json_load.h"
#include "proto/text.h"

static const char *const kinds[NOTE_KINDS] = {
    [NOTE_DHCP_DISCOVER] = "dhcp-discover",
    [NOTE_DHCP_OFFER] = "dhcp-offer",
    [NOTE_DHCP_REQUEST] = "dhcp-request",
    [NOTE_DHCP_ACK] = "dhcp-ack",
    [NOTE_DHCP_NAK] = "dhcp-nak",
    [NOTE_DHCP_REFUSED] = "dhcp-refused",
    [NOTE_DHCP_CLASS] = "dhcp-class",
    [NOTE_DHCP_RELEASE] = "dhcp-release",
    [NOTE_BOOTP_REQUEST] = "bootp-request",
    [NOTE_BOOTP_REPLY] = "bootp-reply",
    [NOTE_RARP_REQUEST] = "rarp-request",
    [NOTE_RARP_REPLY] = "rarp-reply",
    [NOTE_ARP] = "arp",
    [NOTE_FILE_ASKED] = "file-asked",
    [NOTE_FILE_PROGRESS] = "file-progress",
    [NOTE_FILE_DONE] = "file-done",
    [NOTE_FILE_SENT] = "file-sent",
    [NOTE_FILE_MISSING] = "file-missing",
    [NOTE_FILE_ABORTED] = "file-aborted",
    [NOTE_FILE_FAILED] = "file-failed",
    [NOTE_PORT_OPEN] = "port-open",
    [NOTE_PORT_CLOSED] = "port-closed",
    [NOTE_PHONED_HOME] = "phoned-home",
    [NOTE_NFS_MOUNT] = "nfs-mount",
};

static const char *const sources[NOTE_SOURCES] = {
    [NOTE_CAPTURE] = "capture",
    [NOTE_LOG] = "log",
    [NOTE_PROBE] = "probe",
    [NOTE_PHONE_HOME] = "phone-home",
};

static const char *const classes[DHCP_CLASSES] = {
    [CLASS_UNKNOWN] = "unknown", [CLASS_ROM] = "rom", [CLASS_HTTP] = "http",
    [CLASS_IPXE] = "ipxe",       [CLASS_OS] = "os",
};

const char *note_kind_name(enum note_kind kind)
{
    return kinds[kind];
}

const char *note_source_name(enum note_source source)
{
    return sources[source];
}

const char *dhcp_class_name(enum dhcp_class class)
{
    return classes[class];
}

static void jsonp(json_t **json)
{
    json_decref(*json);
}

static void put_text(json_t *object, const char *key, const char *text)
{
    char clean[NOTE_FILE_SIZE];
    if (text_copy(clean, sizeof clean, text, sizeof clean))
        (void)json_object_set_new(object, key, json_string(clean));
}

static void put_number(json_t *object, const char *key, uint64_t number)
{
    json_int_t fits = number > INT64_MAX ? INT64_MAX : (json_int_t)number;
    if (number)
        (void)json_object_set_new(object, key, json_integer(fits));
}

static void put_ip(json_t *object, const char *key, struct ipv4 ip)
{
    char text[IPV4_TEXT_SIZE];
    ipv4_format(ip, text);
    if (ipv4_known(ip))
        (void)json_object_set_new(object, key, json_string(text));
}

size_t note_encode(const struct note *note, char line[NOTE_LINE_SIZE])
{
    _cleanup_(jsonp) json_t *object = json_object();
    put_text(object, "kind", kinds[note->kind]);
    if (note->source)
        put_text(object, "source", sources[note->source]);
    if (note->class)
        put_text(object, "class", classes[note->class]);
    char mac[MAC_TEXT_SIZE];
    mac_format(note->mac, mac);
    if (mac_known(note->mac))
        put_text(object, "mac", mac);
    put_ip(object, "ip", note->ip);
    put_ip(object, "server", note->server);
    put_number(object, "port", note->port);
    put_number(object, "xid", note->xid);
    put_number(object, "bytes", note->bytes);
    put_number(object, "total", note->total);
    put_text(object, "file", note->file);
    put_text(object, "reason", note->reason);
    /* Texts are clean by now, so at most doubled by escapes: a line always fits. */
    size_t length = json_dumpb(object, line, NOTE_LINE_SIZE - 2, JSON_COMPACT);
    if (!object || length == 0 || length > NOTE_LINE_SIZE - 2)
        abort(); /* no memory */
    line[length] = '\n';
    line[length + 1] = '\0';
    return length + 1;
}

static int fail(struct err *err, const char *key, const char *what)
{
    return err_set(err, ERR_PROTOCOL, "note: '%.32s' %s", key, what);
}

static int take_word(const json_t *value, const char *const *words, int count)
{
    const char *word = json_string_value(value);
    for (int i = 0; word && i < count; i++)
        if (!strcmp(word, words[i]))
            return i;
    return -1;
}

static int take_number(const json_t *value, uint64_t max, uint64_t *out)
{
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < 0 || (uint64_t)number > max)
        return -1;
    *out = (uint64_t)number;
    return 0;
}

static int take_text(const json_t *value, char *out, size_t size)
{
    if (!json_is_string(value) || json_string_length(value) >= size)
        return -1;
    (void)text_copy(out, size, json_string_value(value), json_string_length(value));
    return 0;
}

static int take_address(const char *key, const json_t *value, struct note *note)
{
    const char *text = json_string_value(value);
    if (!text)
        return -1;
    if (!strcmp(key, "mac"))
        return mac_parse(text, &note->mac);
    return ipv4_parse(text, !strcmp(key, "ip") ? &note->ip : &note->server);
}

enum key { KIND, SOURCE, CLASS, MAC, IP, SERVER, PORT, XID, BYTES, TOTAL, FILE_NAME, REASON, KEYS };
static const char *const keys[KEYS] = {"kind", "source", "class", "mac",   "ip",   "server",
                                       "port", "xid",    "bytes", "total", "file", "reason"};

static int take_number_of(enum key key, const json_t *value, struct note *note)
{
    uint64_t number;
    if (take_number(value, key == PORT ? UINT16_MAX : key == XID ? UINT32_MAX : INT64_MAX, &number))
        return -1;
    if (key == PORT)
        note->port = (uint16_t)number;
    else if (key == XID)
        note->xid = (uint32_t)number;
    else if (key == BYTES)
        note->bytes = number;
    else
        note->total = number;
    return 0;
}

static int take_word_of(enum key key, const json_t *value, struct note *note)
{
    int word = key == KIND     ? take_word(value, kinds, NOTE_KINDS)
               : key == SOURCE ? take_word(value, sources, NOTE_SOURCES)
                               : take_word(value, classes, DHCP_CLASSES);
    if (word < 0)
        return -1;
    if (key == KIND)
        note->kind = (enum note_kind)word;
    else if (key == SOURCE)
        note->source = (enum note_source)word;
    else
        note->class = (enum dhcp_class)word;
    return 0;
}

static int take(const char *name, const json_t *value, struct note *note, struct err *err)
{
    int found = -1;
    for (int i = 0; i < KEYS && found < 0; i++)
        if (!strcmp(name, keys[i]))
            found = i;
    if (found < 0)
        return fail(err, name, "is no key of a note");
    int result = -1;
    switch ((enum key)found) {
    case KIND:
    case SOURCE:
    case CLASS:
        result = take_word_of((enum key)found, value, note);
        break;
    case MAC:
    case IP:
    case SERVER:
        result = take_address(name, value, note);
        break;
    case PORT:
    case XID:
    case BYTES:
    case TOTAL:
        result = take_number_of((enum key)found, value, note);
        break;
    case FILE_NAME:
        result = take_text(value, note->file, sizeof note->file);
        break;
    case REASON:
        result = take_text(value, note->reason, sizeof note->reason);
        break;
    case KEYS:
        break;
    }
    return result ? fail(err, name, "has a value that does not fit") : 0;
}

int note_decode(const char *line, struct note *note, struct err *err)
{
    json_error_t why;
    _cleanup_(jsonp) json_t *object = json_load(line, &why);
    if (!json_is_object(object))
        return err_set(err, ERR_PROTOCOL, "note: no JSON object: %.80s",
                       object ? "something else" : why.text);
    struct note out = {0};
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value) if (take(name, value, &out, err)) return -1;
    if (!json_object_get(object, "kind"))
        return fail(err, "kind", "is missing");
    *note = out;
    return 0;
}
