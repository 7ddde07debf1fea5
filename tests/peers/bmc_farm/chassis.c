/* chassis.c - power as a BMC does it: the answer comes first, the edge some time later, and the
 * machine behind it (--nodes) is told at the edge, never at the command. */
#include "tests/peers/bmc_farm/farm.h"

enum { COMPLETION_OK = 0x00, COMPLETION_NOT_NOW = 0xd5, COMPLETION_INVALID_FIELD = 0xcc };
enum { CAUSE_CHASSIS_CONTROL = 1, CAUSE_BUTTON = 3 };

static const char *const control_words[CONTROLS] = {
    [CONTROL_OFF] = "off",     [CONTROL_ON] = "on",     [CONTROL_CYCLE] = "cycle",
    [CONTROL_RESET] = "reset", [CONTROL_DIAG] = "diag", [CONTROL_SOFT] = "soft",
};

static void power_goes_off(struct farm *farm, struct bmc *bmc)
{
    struct chassis *chassis = &bmc->chassis;
    if (!chassis->on)
        return;
    chassis->on = false;
    chassis->on_before_us += farm->now_us - chassis->on_since_us;
    bmc->counts.power_off++;
    truth(farm, bmc, "edge off");
    nodes_tell(farm, bmc, "off");
    if (bmc->faults.die_after_off) {
        bmc->faults.dead = 1;
        truth(farm, bmc, "dies");
    }
}

static void power_comes_on(struct farm *farm, struct bmc *bmc, uint8_t cause)
{
    struct chassis *chassis = &bmc->chassis;
    if (chassis->on)
        return;
    const char *boots_from = bios_boots_from(farm, bmc);
    chassis->on = true;
    chassis->on_since_us = farm->now_us;
    chassis->restart_cause = cause;
    chassis->last_on_by_command = cause == CAUSE_CHASSIS_CONTROL;
    bmc->counts.power_on++;
    truth(farm, bmc, "edge on %s", boots_from);
    nodes_tell(farm, bmc, "on %s", boots_from);
}

static void edge_later(struct farm *farm, struct bmc *bmc, enum edge edge, uint32_t delay_ms)
{
    const uint32_t token = ++bmc->chassis.edge_token;
    if (delay_ms == 0) {
        chassis_edge_due(farm, bmc, edge);
        return;
    }
    const struct item item = {
        .due_us = farm->now_us + delay_ms * 1000ull,
        .kind = ITEM_EDGE,
        .index = bmc_index(farm, bmc),
        .token = token,
        .edge = edge,
    };
    if (!agenda_add(&farm->agenda, &item))
        farm->counts.overflow++;
}

void chassis_edge_due(struct farm *farm, struct bmc *bmc, enum edge edge)
{
    switch (edge) {
    case EDGE_OFF:
        power_goes_off(farm, bmc);
        return;
    case EDGE_ON:
        power_comes_on(farm, bmc, CAUSE_CHASSIS_CONTROL);
        return;
    case EDGE_OFF_THEN_ON:
        power_goes_off(farm, bmc);
        edge_later(farm, bmc, EDGE_ON, bmc->faults.cycle_time);
        return;
    }
}

static void reset_now(struct farm *farm, struct bmc *bmc)
{
    const char *boots_from = bios_boots_from(farm, bmc);
    bmc->chassis.restart_cause = CAUSE_CHASSIS_CONTROL;
    bmc->counts.reset++;
    truth(farm, bmc, "edge reset %s", boots_from);
    nodes_tell(farm, bmc, "reset %s", boots_from);
}

static void control_obey(struct farm *farm, struct bmc *bmc, enum chassis_control control)
{
    const uint32_t delay = bmc->faults.power_delay;
    switch (control) {
    case CONTROL_OFF:
        edge_later(farm, bmc, EDGE_OFF, delay);
        return;
    case CONTROL_ON:
        edge_later(farm, bmc, EDGE_ON, delay);
        return;
    case CONTROL_CYCLE:
        edge_later(farm, bmc, EDGE_OFF_THEN_ON, delay);
        return;
    case CONTROL_RESET:
        reset_now(farm, bmc);
        return;
    case CONTROL_SOFT:
        if (!bmc->faults.ignore_soft)
            edge_later(farm, bmc, EDGE_OFF, delay);
        return;
    case CONTROL_DIAG:
    case CONTROLS:
        return;
    }
}

uint8_t chassis_control(struct farm *farm, struct bmc *bmc, enum chassis_control control)
{
    if (control >= CONTROLS)
        return COMPLETION_INVALID_FIELD;
    const bool needs_power = control != CONTROL_OFF && control != CONTROL_ON;
    if (needs_power && !bmc->chassis.on)
        return COMPLETION_NOT_NOW;
    bmc->counts.control++;
    if (bmc->faults.ignore) {
        truth(farm, bmc, "control %s (says ok, ignores it)", control_words[control]);
        return COMPLETION_OK;
    }
    truth(farm, bmc, "control %s", control_words[control]);
    if (bmc->chassis.flags_us)
        bmc->chassis.flags_us = farm->now_us; /* the valid bit's 60 s start again */
    control_obey(farm, bmc, control);
    return COMPLETION_OK;
}

void chassis_button(struct farm *farm, struct bmc *bmc, bool on)
{
    bmc->chassis.edge_token++;
    truth(farm, bmc, "button %s", on ? "on" : "off");
    if (on)
        power_comes_on(farm, bmc, CAUSE_BUTTON);
    else
        power_goes_off(farm, bmc);
}

uint32_t chassis_on_minutes(const struct farm *farm, const struct bmc *bmc)
{
    uint64_t on_us = bmc->chassis.on_before_us;
    if (bmc->chassis.on)
        on_us += farm->now_us - bmc->chassis.on_since_us;
    return (uint32_t)(on_us / 60000000);
}
