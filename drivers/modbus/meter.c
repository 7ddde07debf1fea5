#include "drivers/modbus/meter.h"

#include <math.h>
#include <string.h>

static uint32_t width(const struct modbus_map *map)
{
    return map->meter.type >= METER_U32 ? 2 : 1;
}

static double number_of(enum meter_type type, uint32_t raw)
{
    float f;
    switch (type) {
    case METER_S16:
        return (int16_t)(uint16_t)raw;
    case METER_S32:
        return (int32_t)raw;
    case METER_F32:
        memcpy(&f, &raw, sizeof f);
        return (double)f;
    case METER_U16:
    case METER_U32:
        break;
    }
    return raw;
}

bool meter_decode(const struct modbus_map *map, const uint16_t *raw, uint32_t *milliwatts)
{
    uint32_t value = raw[0];
    if (width(map) == 2)
        value = map->meter.order == LOW_WORD_FIRST ? (uint32_t)raw[1] << 16 | raw[0]
                                                   : (uint32_t)raw[0] << 16 | raw[1];
    for (uint32_t i = 0; i < map->meter.absent.count; i++)
        if (map->meter.absent.value[i] == value)
            return false;
    double told = number_of((enum meter_type)map->meter.type, value) * map->meter.milliwatts;
    if (!isfinite(told) || told > UINT32_MAX)
        return false;
    *milliwatts = told < 0 ? 0 : (uint32_t)(told + 0.5);
    return true;
}

/* Outlets `from` to `to`, in one request. */
static void read_some(struct unit *unit, uint32_t from, uint32_t to)
{
    const struct modbus_map *map = &unit->map;
    uint16_t raw[PDU_VALUES_MAX];
    struct reading reading = reading_begin(unit);
    bool read =
        unit_read(unit, map->meter.function, map->meter.address + (from - 1) * map->meter.stride,
                  (to - from + 1) * width(map), raw, &reading.err) == 0;
    reading_end(unit, &reading);
    for (uint32_t outlet = from; outlet <= to; outlet++) {
        const uint16_t *own = raw + (size_t)(outlet - from) * width(map);
        unit->meter[outlet - 1] = reading;
        unit->has_watts[outlet - 1] = read && meter_decode(map, own, &unit->milliwatts[outlet - 1]);
    }
}

static void read_around(struct unit *unit, uint32_t outlet)
{
    const struct modbus_map *map = &unit->map;
    uint32_t at_once = PDU_VALUES_MAX / width(map);
    if (map->meter.stride != width(map)) {
        read_some(unit, outlet, outlet);
        return;
    }
    uint32_t from = (outlet - 1) / at_once * at_once + 1, to = from + at_once - 1;
    read_some(unit, from, to < map->outlets ? to : map->outlets);
}

bool meter_read(struct unit *unit, uint32_t outlet, uint64_t asked_ms, uint32_t *milliwatts)
{
    if (!unit->map.meter.function || !outlet || outlet > unit->map.outlets)
        return false;
    if (!reading_answers(unit, &unit->meter[outlet - 1], asked_ms))
        read_around(unit, outlet);
    if (unit->has_watts[outlet - 1])
        *milliwatts = unit->milliwatts[outlet - 1];
    return unit->has_watts[outlet - 1];
}
