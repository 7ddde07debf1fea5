#include <jansson.h>
#include <string.h>

#include "proto/cleanup.h"
#include "proto/driver_msg.h"
#include "proto/json_text.h"

static void json_freep(json_t **json)
{
    json_decref(*json);
}

/* Length of the valid UTF-8 sequence at `s`, 0 if there is none. */
static size_t utf8_length(const unsigned char *s)
{
    size_t length = s[0] < 0x80   ? 1
                    : s[0] < 0xc2 ? 0
                    : s[0] < 0xe0 ? 2
                    : s[0] < 0xf0 ? 3
                    : s[0] < 0xf5 ? 4
                                  : 0;
    for (size_t i = 1; i < length; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0; /* overlong, surrogate, beyond Unicode */
    return length;
}

/* Texts for people carry bytes of devices and may be cut in the middle of a character; JSON is
 * UTF-8 or nothing. A failure must not be lost because of how its text looks. */
static json_t *text_to_json(const char *text)
{
    char clean[sizeof((struct err *)0)->text];
    size_t size = 0;
    for (const unsigned char *s = (const unsigned char *)text; *s && size < sizeof clean - 4;) {
        size_t length = utf8_length(s);
        if (length)
            memcpy(clean + size, s, length);
        else
            clean[size] = '?';
        size += length ? length : 1;
        s += length ? length : 1;
    }
    return json_stringn(clean, size);
}

/* Takes `json`; NULL in, NULL out. */
static char *to_line(json_t *json)
{
    _cleanup_(json_freep) json_t *whole = json;
    if (!whole)
        return NULL;
    _cleanup_(freep) char *text = json_dumps(whole, JSON_COMPACT);
    size_t length = text ? strlen(text) : 0;
    if (!text || length + 2 > DRIVER_LINE_SIZE)
        return NULL;
    char *line = realloc(text, length + 2);
    if (!line)
        return NULL;
    text = NULL;
    memcpy(line + length, "\n", 2);
    return line;
}

char *driver_device_encode(const struct driver_device *device)
{
    _cleanup_(json_freep) json_t *settings = json_object();
    for (size_t i = 0; i < device->nsettings; i++)
        if (json_object_set_new(settings, device->settings[i].name,
                                json_string(device->settings[i].value)))
            return NULL;
    return to_line(json_pack("{s:s, s:O}", "device", device->device, "settings", settings));
}

char *driver_request_encode(const struct driver_request *request)
{
    json_t *json =
        json_pack("{s:I, s:s, s:s, s:I}", "id", (json_int_t)request->id, "device", request->device,
                  "op", op_name(request->op), "budget_ms", (json_int_t)request->budget_ms);
    int failed = request->id > INT64_MAX;
    if (request->op == OP_BOOT_SET) {
        failed |= json_object_set_new(json, "boot_device",
                                      json_string(boot_device_name(request->boot_device)));
        failed |=
            json_object_set_new(json, "firmware", json_string(firmware_name(request->firmware)));
    }
    if (request->op == OP_IDENTIFY)
        failed |= json_object_set_new(json, "seconds", json_integer(request->seconds));
    if (request->outlet)
        failed |= json_object_set_new(json, "outlet", json_integer(request->outlet));
    if (request->keep_ms)
        failed |= json_object_set_new(json, "keep_ms", json_integer(request->keep_ms));
    if (failed) {
        json_decref(json);
        return NULL;
    }
    return to_line(json);
}

static json_t *evidence_to_json(const struct restart_evidence *evidence)
{
    json_t *json = json_object();
    int failed = 0;
    if (evidence->has_cause)
        failed |= json_object_set_new(json, "cause", json_integer(evidence->cause));
    if (evidence->has_last_event)
        failed |= json_object_set_new(json, "last_event", json_integer(evidence->last_event));
    if (evidence->has_power_on_minutes)
        failed |=
            json_object_set_new(json, "power_on_minutes", json_integer(evidence->power_on_minutes));
    if (failed) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static json_t *info_to_json(const struct device_info *info)
{
    json_t *json = json_pack("{s:o, s:o}", "guid", text_to_json(info->guid), "model",
                             text_to_json(info->model));
    int failed = 0;
    if (info->session[0])
        failed |= json_object_set_new(json, "session", text_to_json(info->session));
    if (info->outlets)
        failed |= json_object_set_new(json, "outlets", json_integer(info->outlets));
    if (failed) {
        json_decref(json);
        return NULL;
    }
    return json;
}

/* What was read goes along with a failure too: a reset of a node that is off says it is off. */
static int add_readings(json_t *json, const struct driver_reply *reply)
{
    int failed = 0;
    if (reply->power != POWER_UNKNOWN)
        failed |= json_object_set_new(json, "power", json_string(power_name(reply->power)));
    if (reply->has_watts)
        failed |= json_object_set_new(json, "milliwatts", json_integer(reply->milliwatts));
    if (reply->has_next_boot) {
        const struct next_boot *boot = &reply->next_boot;
        failed |= json_object_set_new(json, "next_boot",
                                      json_pack("{s:b, s:b, s:b, s:s}", "valid", (int)boot->valid,
                                                "persistent", (int)boot->persistent, "uefi",
                                                (int)boot->uefi, "device",
                                                boot_device_name(boot->device)));
    }
    if (reply->has_evidence)
        failed |= json_object_set_new(json, "evidence", evidence_to_json(&reply->evidence));
    if (reply->has_info)
        failed |= json_object_set_new(json, "info", info_to_json(&reply->info));
    return failed;
}

static json_t *err_to_json(const struct err *err)
{
    return json_pack("{s:s, s:s, s:s, s:o}", "result", "failed", "error", err_kind_name(err->kind),
                     "sent", sent_name(err->sent), "text", text_to_json(err->text));
}

/* {"id":7,"result":"ok","power":"on","milliwatts":84000}: of thousands at a time, and so without a tree. */
static char *encode_state(const struct driver_reply *reply)
{
    struct json_text text = {0};
    json_open(&text, '{');
    json_put_key(&text, "id");
    json_put_integer(&text, (int64_t)reply->id);
    json_put_key(&text, "result");
    json_put_string(&text, "ok");
    if (reply->power != POWER_UNKNOWN) {
        json_put_key(&text, "power");
        json_put_string(&text, power_name(reply->power));
    }
    if (reply->has_watts) {
        json_put_key(&text, "milliwatts");
        json_put_integer(&text, reply->milliwatts);
    }
    json_close(&text, '}');
    json_put_newline(&text);
    return json_text_take(&text);
}

char *driver_reply_encode(const struct driver_reply *reply)
{
    bool state_only =
        reply->ok && !reply->has_next_boot && !reply->has_evidence && !reply->has_info;
    if (state_only && reply->id <= INT64_MAX)
        return encode_state(reply);
    _cleanup_(json_freep) json_t *json = json_pack("{s:I}", "id", (json_int_t)reply->id);
    _cleanup_(json_freep) json_t *result =
        reply->ok ? json_pack("{s:s}", "result", "ok") : err_to_json(&reply->err);
    if (!json || !result || reply->id > INT64_MAX || json_object_update(json, result) ||
        add_readings(json, reply))
        return NULL;
    return to_line(TAKE(json));
}

char *driver_refusal_encode(const char *device, const struct err *err)
{
    return to_line(json_pack("{s:s, s:s, s:o}", "device", device, "error", err_kind_name(err->kind),
                             "text", text_to_json(err->text)));
}

char *driver_credentials_encode(const struct driver_credentials *credentials)
{
    return to_line(json_pack("{s:s, s:s, s:s}", "credentials", credentials->name, "user",
                             credentials->user, "password", credentials->password.bytes));
}
