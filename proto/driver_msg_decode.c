#include <jansson.h>
#include <string.h>

#include "proto/cleanup.h"
#include "proto/driver_msg.h"
#include "proto/driver_msg_plain.h"
#include "proto/json_load.h"
#include "proto/json_plain.h"

static void json_freep(json_t **json)
{
    json_decref(*json);
}

/* Of an object whose keys or types are not as they should be. */
static int misshapen(const char *what, const json_error_t *bad, struct err *err)
{
    return err_set(err, json_out_of_memory(bad) ? ERR_SYSTEM : ERR_PROTOCOL, "%s: %s", what,
                   bad->text);
}

static json_t *parse(const char *what, const char *line, struct err *err)
{
    json_error_t bad;
    json_t *json = json_load(line, &bad);
    if (json && json_is_object(json))
        return json;
    if (json)
        err_set(err, ERR_PROTOCOL, "%s: a JSON object was expected", what);
    else
        err_set(err, ERR_PROTOCOL, "%s: not JSON: %s", what, bad.text);
    json_decref(json);
    return NULL;
}

/* Copies a word of the wire into a fixed place; the border between JSON and plain structs. */
static int copy_text(char *out, size_t size, const char *name, const char *text, struct err *err)
{
    size_t length = strlen(text);
    if (length >= size)
        return err_set(err, ERR_PROTOCOL, "%s is longer than %zu bytes", name, size - 1);
    memcpy(out, text, length + 1);
    return 0;
}

static int copy_name(char out[static NAME_SIZE], const char *name, const char *text,
                     struct err *err)
{
    if (!*text)
        return err_set(err, ERR_PROTOCOL, "%s is empty", name);
    return copy_text(out, NAME_SIZE, name, text, err);
}

static int check_range(const char *name, json_int_t value, json_int_t min, json_int_t max,
                       struct err *err)
{
    if (value < min || value > max)
        return err_set(err, ERR_PROTOCOL, "%s is %lld, not %lld to %lld", name, (long long)value,
                       (long long)min, (long long)max);
    return 0;
}

static int unknown_word(const char *name, const char *word, struct err *err)
{
    return err_set(err, ERR_PROTOCOL, "%s '%.60s' is not known", name, word);
}

/* Fills in texts up to their NUL and no further: whole settings are 30 KiB. */
static int device_decode(json_t *json, struct driver_device *out, struct err *err)
{
    json_error_t bad;
    const char *device;
    json_t *settings;
    out->nsettings = 0;
    if (json_unpack_ex(json, &bad, JSON_STRICT, "{s:s, s:o}", "device", &device, "settings",
                       &settings))
        return misshapen("device", &bad, err);
    if (copy_name(out->device, "device", device, err))
        return -1;
    if (!json_is_object(settings))
        return err_set(err, ERR_PROTOCOL, "device %s: settings are not an object", device);
    if (json_object_size(settings) > DRIVER_SETTINGS_MAX)
        return err_set(err, ERR_PROTOCOL, "device %s: more than %d settings", device,
                       DRIVER_SETTINGS_MAX);
    const char *name;
    json_t *value;
    json_object_foreach(settings, name, value)
    {
        struct driver_setting *setting = &out->settings[out->nsettings++];
        if (!json_is_string(value))
            return err_set(err, ERR_PROTOCOL, "device %s: setting %.60s is not text", device, name);
        if (copy_name(setting->name, "name of a setting", name, err) ||
            copy_text(setting->value, sizeof setting->value, name, json_string_value(value), err))
            return err_prefix(err, "device %s", device);
    }
    return 0;
}

/* Keys that belong to one operation are there with it, and only with it. */
static int request_parameters(const struct request_words *words, struct driver_request *out,
                              struct err *err)
{
    const char *boot_device = words->boot_device, *firmware = words->firmware;
    if ((out->op == OP_BOOT_SET) != (boot_device != NULL) ||
        (out->op == OP_BOOT_SET) != (firmware != NULL))
        return err_set(err, ERR_PROTOCOL, "boot_device and firmware go with %s",
                       op_name(OP_BOOT_SET));
    if (boot_device && boot_device_parse(boot_device, &out->boot_device))
        return unknown_word("boot_device", boot_device, err);
    if (firmware && firmware_parse(firmware, &out->firmware))
        return unknown_word("firmware", firmware, err);
    if ((out->op == OP_IDENTIFY) != words->has_seconds)
        return err_set(err, ERR_PROTOCOL, "seconds go with %s", op_name(OP_IDENTIFY));
    out->seconds = (uint32_t)words->seconds;
    return 0;
}

static int request_from_words(const struct request_words *words, struct driver_request *out,
                              struct err *err)
{
    if (check_range("id", words->id, 1, INT64_MAX, err) ||
        check_range("budget_ms", words->budget_ms, 1, UINT32_MAX, err) ||
        check_range("seconds", words->seconds, 0, UINT32_MAX, err) ||
        check_range("outlet", words->outlet, 0, UINT32_MAX, err) ||
        check_range("keep_ms", words->keep_ms, 0, UINT32_MAX, err) ||
        copy_name(out->device, "device", words->device, err))
        return -1;
    if (op_parse(words->op, &out->op))
        return unknown_word("op", words->op, err);
    out->id = (uint64_t)words->id;
    out->budget_ms = (uint32_t)words->budget_ms;
    out->outlet = (uint32_t)words->outlet;
    out->keep_ms = (uint32_t)words->keep_ms;
    return request_parameters(words, out, err);
}

static int request_decode(json_t *json, struct driver_request *out, struct err *err)
{
    json_error_t bad;
    struct request_words words = {0};
    json_int_t id, budget, seconds = 0, outlet = 0, keep = 0;
    if (json_unpack_ex(json, &bad, JSON_STRICT, "{s:I, s:s, s:s, s:I, s?s, s?s, s?I, s?I, s?I}",
                       "id", &id, "device", &words.device, "op", &words.op, "budget_ms", &budget,
                       "boot_device", &words.boot_device, "firmware", &words.firmware, "seconds",
                       &seconds, "outlet", &outlet, "keep_ms", &keep))
        return misshapen("request", &bad, err);
    words.has_seconds = json_object_get(json, "seconds") != NULL;
    words.id = id;
    words.budget_ms = budget;
    words.seconds = seconds;
    words.outlet = outlet;
    words.keep_ms = keep;
    return request_from_words(&words, out, err);
}

/* The way of nearly every line. */
static bool order_is_plain(const char *line, struct driver_order *out)
{
    struct plain plain;
    struct request_words words;
    struct driver_request request;
    struct err ignored;
    memset(&request, 0, sizeof request); /* padding too: plain structs are compared */
    if (!plain_read(line, &plain))
        return false;
    if (request_words_read(&plain, &words) && !request_from_words(&words, &request, &ignored)) {
        out->kind = DRIVER_MSG_REQUEST;
        out->request = request;
        return true;
    }
    if (!device_read(&plain, &out->device))
        return false;
    out->kind = DRIVER_MSG_DEVICE;
    return true;
}

static void device_copy(struct driver_device *to, const struct driver_device *from)
{
    memcpy(to->device, from->device, strlen(from->device) + 1);
    to->nsettings = from->nsettings;
    for (size_t i = 0; i < from->nsettings; i++) {
        const struct driver_setting *setting = &from->settings[i];
        memcpy(to->settings[i].name, setting->name, strlen(setting->name) + 1);
        memcpy(to->settings[i].value, setting->value, strlen(setting->value) + 1);
    }
}

static int order_by_jansson(const char *line, struct driver_order *out, struct err *err)
{
    _cleanup_(json_freep) json_t *json = parse("order", line, err);
    if (!json)
        return -1;
    if (json_object_get(json, "settings")) {
        struct driver_device device;
        if (device_decode(json, &device, err))
            return -1;
        device_copy(&out->device, &device);
        out->kind = DRIVER_MSG_DEVICE;
        return 0;
    }
    struct driver_request request;
    memset(&request, 0, sizeof request); /* padding too: plain structs are compared */
    if (request_decode(json, &request, err))
        return -1;
    out->request = request;
    out->kind = DRIVER_MSG_REQUEST;
    return 0;
}

int driver_order_decode(const char *line, struct driver_order *out, struct err *err)
{
    return order_is_plain(line, out) ? 0 : order_by_jansson(line, out, err);
}

static int next_boot_decode(json_t *json, struct next_boot *out, struct err *err)
{
    json_error_t bad;
    int valid, persistent, uefi;
    const char *device;
    if (json_unpack_ex(json, &bad, JSON_STRICT, "{s:b, s:b, s:b, s:s}", "valid", &valid,
                       "persistent", &persistent, "uefi", &uefi, "device", &device))
        return misshapen("next_boot", &bad, err);
    if (boot_device_parse(device, &out->device))
        return unknown_word("next_boot: device", device, err);
    out->valid = valid;
    out->persistent = persistent;
    out->uefi = uefi;
    return 0;
}

static int evidence_decode(json_t *json, struct restart_evidence *out, struct err *err)
{
    json_error_t bad;
    json_int_t cause = 0, last_event = 0, minutes = 0;
    if (json_unpack_ex(json, &bad, JSON_STRICT, "{s?I, s?I, s?I}", "cause", &cause, "last_event",
                       &last_event, "power_on_minutes", &minutes))
        return misshapen("evidence", &bad, err);
    if (check_range("cause", cause, 0, UINT8_MAX, err) ||
        check_range("last_event", last_event, 0, UINT8_MAX, err) ||
        check_range("power_on_minutes", minutes, 0, UINT32_MAX, err))
        return -1;
    out->has_cause = json_object_get(json, "cause") != NULL;
    out->has_last_event = json_object_get(json, "last_event") != NULL;
    out->has_power_on_minutes = json_object_get(json, "power_on_minutes") != NULL;
    out->cause = (uint8_t)cause;
    out->last_event = (uint8_t)last_event;
    out->power_on_minutes = (uint32_t)minutes;
    return 0;
}

static int info_decode(json_t *json, struct device_info *out, struct err *err)
{
    json_error_t bad;
    const char *guid, *model, *session = "";
    json_int_t outlets = 0;
    if (json_unpack_ex(json, &bad, JSON_STRICT, "{s:s, s:s, s?s, s?I}", "guid", &guid, "model",
                       &model, "session", &session, "outlets", &outlets))
        return misshapen("info", &bad, err);
    if (check_range("outlets", outlets, 0, UINT32_MAX, err) ||
        copy_text(out->guid, sizeof out->guid, "guid", guid, err) ||
        copy_text(out->model, sizeof out->model, "model", model, err))
        return -1;
    out->outlets = (uint32_t)outlets;
    return copy_text(out->session, sizeof out->session, "session", session, err);
}

static int failure_decode(const char *kind, const char *sent, const char *text, struct err *out,
                          struct err *err)
{
    if (err_kind_parse(kind, &out->kind) || out->kind == ERR_NONE)
        return unknown_word("error", kind, err);
    if (sent_parse(sent, &out->sent))
        return unknown_word("sent", sent, err);
    return copy_text(out->text, sizeof out->text, "text", text, err);
}

static int result_decode(const char *result, const char *kind, const char *sent, const char *text,
                         struct driver_reply *out, struct err *err)
{
    out->ok = !strcmp(result, "ok");
    if (!out->ok && strcmp(result, "failed") != 0)
        return unknown_word("result", result, err);
    if (out->ok && (kind || sent || text))
        return err_set(err, ERR_PROTOCOL, "ok together with error, sent or text");
    if (!out->ok && (!kind || !sent || !text))
        return err_set(err, ERR_PROTOCOL, "failed without error, sent or text");
    return out->ok ? 0 : failure_decode(kind, sent, text, &out->err, err);
}

static int readings_decode(json_t *json, struct driver_reply *out, struct err *err)
{
    json_t *next_boot = json_object_get(json, "next_boot");
    json_t *evidence = json_object_get(json, "evidence");
    json_t *info = json_object_get(json, "info");
    out->has_next_boot = next_boot != NULL;
    out->has_evidence = evidence != NULL;
    out->has_info = info != NULL;
    if ((next_boot && next_boot_decode(next_boot, &out->next_boot, err)) ||
        (evidence && evidence_decode(evidence, &out->evidence, err)) ||
        (info && info_decode(info, &out->info, err)))
        return -1;
    return 0;
}

static int reply_decode(json_t *json, struct driver_reply *out, struct err *err)
{
    json_error_t bad;
    json_int_t id, milliwatts = 0;
    const char *result, *kind = NULL, *sent = NULL, *text = NULL, *power = NULL;
    json_t *ignored;
    if (json_unpack_ex(json, &bad, JSON_STRICT,
                       "{s:I, s:s, s?s, s?s, s?s, s?s, s?I, s?o, s?o, s?o}", "id", &id, "result",
                       &result, "error", &kind, "sent", &sent, "text", &text, "power", &power,
                       "milliwatts", &milliwatts, "next_boot", &ignored, "evidence", &ignored,
                       "info", &ignored))
        return misshapen("reply", &bad, err);
    if (check_range("id", id, 1, INT64_MAX, err) ||
        check_range("milliwatts", milliwatts, 0, UINT32_MAX, err) ||
        result_decode(result, kind, sent, text, out, err))
        return -1;
    out->id = (uint64_t)id;
    out->has_watts = json_object_get(json, "milliwatts") != NULL;
    out->milliwatts = (uint32_t)milliwatts;
    if (power && power_parse(power, &out->power))
        return unknown_word("power", power, err);
    return readings_decode(json, out, err);
}

static int refusal_decode(json_t *json, struct driver_answer *out, struct err *err)
{
    json_error_t bad;
    const char *device, *kind, *text;
    if (json_unpack_ex(json, &bad, JSON_STRICT, "{s:s, s:s, s:s}", "device", &device, "error",
                       &kind, "text", &text))
        return misshapen("refusal", &bad, err);
    if (copy_name(out->device, "device", device, err))
        return -1;
    return failure_decode(kind, sent_name(SENT_NO), text, &out->refusal, err);
}

static bool answer_is_plain(const char *line, struct driver_answer *out)
{
    struct plain plain;
    struct driver_answer answer;
    memset(&answer, 0, sizeof answer);
    answer.kind = DRIVER_ANSWER_REPLY;
    if (!plain_read(line, &plain) || !reply_read(&plain, &answer.reply))
        return false;
    *out = answer;
    return true;
}

int driver_answer_decode(const char *line, struct driver_answer *out, struct err *err)
{
    if (answer_is_plain(line, out))
        return 0;
    _cleanup_(json_freep) json_t *json = parse("answer", line, err);
    if (!json)
        return -1;
    struct driver_answer answer = {.kind = DRIVER_ANSWER_REPLY};
    if (json_object_get(json, "device"))
        answer.kind = DRIVER_ANSWER_REFUSAL;
    if (answer.kind == DRIVER_ANSWER_REPLY ? reply_decode(json, &answer.reply, err)
                                           : refusal_decode(json, &answer, err))
        return -1;
    *out = answer;
    return 0;
}

int driver_credentials_decode(const char *line, struct driver_credentials *out, struct err *err)
{
    /* jansson's own words quote the line; an error about a secret quotes nothing. */
    json_error_t bad;
    _cleanup_(json_freep) json_t *json = json_load(line, &bad);
    const char *name, *user, *password;
    if (json_unpack_ex(json, &bad, JSON_STRICT, "{s:s, s:s, s:s}", "credentials", &name, "user",
                       &user, "password", &password))
        return err_set(err, json_out_of_memory(&bad) ? ERR_SYSTEM : ERR_PROTOCOL,
                       "credentials: not an object of credentials, user, password");
    struct driver_credentials credentials = {0};
    if (copy_name(credentials.name, "name of credentials", name, err) ||
        copy_text(credentials.user, sizeof credentials.user, "user", user, err) ||
        copy_text(credentials.password.bytes, sizeof credentials.password.bytes, "password",
                  password, err))
        return -1;
    *out = credentials;
    explicit_bzero(&credentials, sizeof credentials);
    return 0;
}
