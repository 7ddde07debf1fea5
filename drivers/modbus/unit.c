#include "drivers/modbus/unit.h"

#include <string.h>

bool unit_is_recognised(const struct unit *unit)
{
    return unit->recognised && unit->recognised == link_connection(unit->link);
}

static int ask(struct unit *unit, const struct pdu_request *request, uint16_t *values,
               struct err *err)
{
    if (link_ask(unit->link, &unit->map, request, values, err) == 0)
        return 0;
    if (err->kind == ERR_UNREACHABLE || err->kind == ERR_TIMEOUT)
        unit->recognised = 0;
    return -1;
}

int unit_read(struct unit *unit, uint32_t function, uint32_t address, uint32_t count,
              uint16_t values[PDU_VALUES_MAX], struct err *err)
{
    struct pdu_request request = {.function = function, .address = address, .count = count};
    return ask(unit, &request, values, err);
}

int unit_write(struct unit *unit, uint32_t function, uint32_t address, uint32_t count,
               const uint16_t *values, struct err *err)
{
    struct pdu_request request = {.function = function, .address = address, .count = count};
    if (!unit_is_recognised(unit)) {
        err_set(err, ERR_UNREACHABLE, "the connection was lost before anything was written");
        return unit_prefix(unit, err);
    }
    memcpy(request.values, values, count * sizeof *values);
    return ask(unit, &request, NULL, err);
}

bool reading_answers(const struct unit *unit, const struct reading *reading, uint64_t asked_ms)
{
    return reading->done && reading->began_ms >= asked_ms &&
           reading->writes == link_writes(unit->link, unit->map.unit);
}

struct reading reading_begin(const struct unit *unit)
{
    return (struct reading){.began_ms = link_now(unit->link),
                            .writes = link_writes(unit->link, unit->map.unit)};
}

void reading_end(const struct unit *unit, struct reading *reading)
{
    bool had_time = link_left(unit->link) >= unit->map.timeout_ms; /* to ask once more */
    reading->done = reading->err.kind == ERR_NONE || had_time;
}

int unit_prefix(const struct unit *unit, struct err *err)
{
    const struct modbus_map *map = &unit->map;
    if (map->transport == TRANSPORT_RTU)
        return err_prefix(err, "%s unit %u", map->serial, map->unit);
    return err_prefix(err, "%s:%u unit %u", map->host, map->port, map->unit);
}
