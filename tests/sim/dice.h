/* dice.h - chance that repeats itself: streams of numbers, each from the seed and a name of its
 * own, so that one more note does not change what a BMC does next. */
#ifndef POWERCTL_SIM_DICE_H
#define POWERCTL_SIM_DICE_H

#include <stdbool.h>
#include <stdint.h>

struct dice {
    uint64_t state;
};

/* splitmix64: any state is a good one, so streams can be numbered. */
static inline uint64_t dice_next(struct dice *dice)
{
    uint64_t z = dice->state += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

static inline struct dice dice_stream(uint64_t seed, uint64_t stream)
{
    struct dice dice = {seed ^ stream * 0xd1342543de82ef95};
    dice.state = dice_next(&dice);
    return dice;
}

static inline uint32_t dice_below(struct dice *dice, uint32_t below)
{
    return (uint32_t)(dice_next(dice) >> 32) % below;
}

static inline uint32_t dice_between(struct dice *dice, uint32_t least, uint32_t most)
{
    return least + dice_below(dice, most - least + 1);
}

static inline bool dice_percent(struct dice *dice, uint32_t percent)
{
    return dice_below(dice, 100) < percent;
}

#endif
