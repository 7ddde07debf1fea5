#include "tests/peers/bmc_farm/farm.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

struct bmc *farm_bmc(struct farm *farm, in_addr_t address)
{
    uint32_t index = address - farm->first;
    return index < farm->count ? &farm->bmcs[index] : NULL;
}

struct bmc *farm_named(struct farm *farm, const char *name)
{
    struct in_addr address;
    if (inet_pton(AF_INET, name, &address) == 1)
        return farm_bmc(farm, ntohl(address.s_addr));
    const size_t stem = strlen(farm->name_stem);
    if (strncmp(name, farm->name_stem, stem) != 0)
        return NULL;
    char *end;
    unsigned long number = strtoul(name + stem, &end, 10);
    if (*end || number < farm->name_first || number - farm->name_first >= farm->count)
        return NULL;
    return &farm->bmcs[number - farm->name_first];
}

const char *bmc_name(const struct farm *farm, const struct bmc *bmc)
{
    static char name[BMC_NAME_SIZE + 16];
    (void)snprintf(name, sizeof name, "%s%0*u", farm->name_stem, (int)farm->name_width,
                   farm->name_first + bmc_index(farm, bmc));
    return name;
}

const char *bmc_address(const struct farm *farm, const struct bmc *bmc)
{
    static char text[INET_ADDRSTRLEN];
    const struct in_addr address = {htonl(farm->first + bmc_index(farm, bmc))};
    return inet_ntop(AF_INET, &address, text, sizeof text);
}

/* Unique: it ends in the address. */
void bmc_guid(const struct farm *farm, const struct bmc *bmc, uint8_t guid[GUID_SIZE])
{
    static const uint8_t stem[GUID_SIZE] = "simulated-bmc";
    memcpy(guid, stem, GUID_SIZE);
    put_le32(guid + GUID_SIZE - 4, farm->first + bmc_index(farm, bmc));
}

void password_set(struct password *password, const char *text)
{
    for (enum suite suite = 0; suite < SUITES; suite++)
        hmac_key_set(&password->keys[suite], suite, text, strlen(text));
}

/* xorshift64*: for losses and delays, never for keys. */
uint32_t random_below(struct farm *farm, uint32_t limit)
{
    uint64_t x = farm->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    farm->random = x;
    return limit ? (uint32_t)((x * 0x2545F4914F6CDD1Dull) >> 32) % limit : 0;
}

bool chance(struct farm *farm, uint32_t percent)
{
    return percent && random_below(farm, 100) < percent;
}
