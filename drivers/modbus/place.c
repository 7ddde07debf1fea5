#include "drivers/modbus/place.h"

#include <string.h>

enum { BITS = 16, AGREE_TRIES = 4 };

static uint16_t bit_of(const uint16_t *registers, uint32_t outlet)
{
    return registers[(outlet - 1) / BITS] >> (outlet - 1) % BITS & 1;
}

static uint32_t registers_of_bits(const struct modbus_map *map)
{
    return (map->outlets + BITS - 1) / BITS;
}

static int read_bits(struct unit *unit, const struct map_place *place, uint16_t *values,
                     struct err *err)
{
    uint16_t registers[PDU_VALUES_MAX];
    if (unit_read(unit, place->function, place->address, registers_of_bits(&unit->map), registers,
                  err))
        return -1;
    for (uint32_t outlet = 1; outlet <= unit->map.outlets; outlet++)
        values[outlet - 1] = bit_of(registers, outlet);
    return 0;
}

int place_read_one(struct unit *unit, const struct map_place *place, uint32_t outlet,
                   uint16_t *value, struct err *err)
{
    uint16_t values[PDU_VALUES_MAX];
    if (unit_read(unit, place->function, map_address(place, outlet), 1, values, err))
        return -1;
    *value = values[0];
    if (place->bits)
        *value = values[0] >> (outlet - 1) % BITS & 1;
    return 0;
}

int place_read(struct unit *unit, const struct map_place *place, uint16_t values[OUTLETS_MAX],
               struct err *err)
{
    uint16_t all[PDU_VALUES_MAX];
    if (!place->function)
        return 0;
    if (place->bits)
        return read_bits(unit, place, values, err);
    if (place->stride == 1) {
        if (unit_read(unit, place->function, place->address, unit->map.outlets, all, err))
            return -1;
        memcpy(values, all, unit->map.outlets * sizeof *values);
        return 0;
    }
    /* What lies between may not exist: many products refuse to read across a hole. */
    for (uint32_t outlet = 1; outlet <= unit->map.outlets; outlet++)
        if (place_read_one(unit, place, outlet, &values[outlet - 1], err))
            return -1;
    return 0;
}

int place_write(struct unit *unit, const struct map_place *place, uint32_t outlet, bool on,
                struct err *err)
{
    uint16_t value = map_write_value(&unit->map, place, on);
    return unit_write(unit, place->function, map_address(place, outlet), 1, &value, err);
}

/* Twice the same, as what is read is written back to outlets nobody named: an RTU answer does not
 * tell its question, and a late one would bring back what was. What is late is in a row: who gets
 * the answer to the question before gets another one the next time. */
static int read_surely(struct unit *unit, const struct map_place *place, uint32_t count,
                       uint16_t *values, struct err *err)
{
    uint16_t first[PDU_VALUES_MAX] = {0};
    for (int tries = 0; tries < AGREE_TRIES; tries++) {
        bool raw = place == &unit->map.write; /* registers with a mask */
        if (raw ? unit_read(unit, READ_HOLDING, place->address, count, values, err)
                : place_read(unit, place, values, err))
            return -1;
        if (tries > 0 && memcmp(first, values, count * sizeof *values) == 0)
            return 0;
        memcpy(first, values, count * sizeof *values);
    }
    err_set(err, ERR_PROTOCOL, "it does not read the same twice; nothing was written");
    return unit_prefix(unit, err);
}

/* The mask is read where it is written, so that bits which are no outlets stay as they are. */
static int write_bits(struct unit *unit, uint32_t outlet, bool on, struct err *err)
{
    const struct map_place *place = &unit->map.write;
    uint32_t count = registers_of_bits(&unit->map);
    uint16_t registers[PDU_VALUES_MAX], bit = (uint16_t)(1U << (outlet - 1) % BITS);
    uint16_t *mask = &registers[(outlet - 1) / BITS];
    if (read_surely(unit, place, count, registers, err))
        return -1;
    bool set = map_write_value(&unit->map, place, on) != 0;
    *mask = (uint16_t)(set ? *mask | bit : *mask & ~bit);
    return unit_write(unit, place->function, place->address, count, registers, err);
}

int place_write_bank(struct unit *unit, uint32_t outlet, bool on, struct err *err)
{
    const struct modbus_map *map = &unit->map;
    uint16_t values[OUTLETS_MAX];
    if (map->write.bits)
        return write_bits(unit, outlet, on, err);
    if (read_surely(unit, &map->read, map->outlets, values, err))
        return -1;
    for (uint32_t other = 1; other <= map->outlets; other++) {
        uint16_t was = values[other - 1];
        enum power power = map_power(map, &map->read, was);
        if (power == POWER_UNKNOWN && other != outlet) {
            err_set(err, ERR_DEVICE,
                    "outlet %u reads %u, neither on nor off, and it would be written too: nothing "
                    "was written",
                    other, was);
            return unit_prefix(unit, err);
        }
        values[other - 1] =
            map_write_value(map, &map->write, other == outlet ? on : power == POWER_ON);
    }
    return unit_write(unit, map->write.function, map->write.address, map->outlets, values, err);
}

struct map_place place_mirror(const struct modbus_map *map, const struct map_place *place)
{
    bool coil = place->function == WRITE_COIL || place->function == WRITE_COILS;
    uint16_t on = map_write_value(map, place, true), off = map_write_value(map, place, false);
    struct map_place mirror = *place;
    if (map->read.function && place == &map->write)
        return map->read;
    mirror.function = coil ? READ_COILS : READ_HOLDING;
    mirror.on = (struct option_uints){1, {coil ? on != 0 : on}};
    mirror.off = (struct option_uints){1, {coil ? off != 0 : off}};
    if (map->read.function && (map->read.function == READ_COILS) == coil) {
        mirror.on = map->read.on; /* some read otherwise than they write: R421A08, 1 and 0x0100 */
        mirror.off = map->read.off;
    }
    return mirror;
}
