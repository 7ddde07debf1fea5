/* Any text as the configuration file: taken, or refused with an error that names a place. What
 * stands behind "ethers:" or "profile:" is read as that file's text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/conf_private.h"
#include "tests/unit/fixed_drivers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_feed(const struct inventory *inventory, struct feed feed, bool feeds)
{
    if (feed.device >= inventory->ndevices)
        abort();
    const struct device *device = &inventory->devices[feed.device];
    if (feeds != (device->outlets && !device->buttons) || feed.outlet > device->outlets ||
        !feed.outlet != !device->outlets ||
        (feed.circuit != CIRCUIT_NONE && feed.circuit >= inventory->ncircuits))
        abort();
}

static void check_node(const struct inventory *inventory, const struct node *node)
{
    if (inventory_node(inventory, node->name) != node || !node_means(node, false) ||
        !node->is_outlet != !strchr(node->name, '/') ||
        (node->control.device == DEVICE_NONE && !node->nfeeds))
        abort();
    if (node->control.device != DEVICE_NONE)
        check_feed(inventory, node->control, false);
    for (size_t i = 0; i < node->nfeeds; i++)
        check_feed(inventory, node->feeds[i], true);
    if (*node->feeds_node && !inventory_node(inventory, node->feeds_node))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = NULL;
    struct conf_errors errors;
    /* Ranges make thousands of devices out of ten bytes; one such input teaches nothing and takes
     * all the time. */
    if (size > 16384)
        return 0;
    if (conf_load_text("f", (const char *)data, size, &fixed_drivers, &config, &errors)) {
        if (config || !errors.count || !errors.text || !strstr(errors.text, "error: "))
            abort();
        conf_errors_clear(&errors);
        return 0;
    }
    if (errors.count || errors.text || !config)
        abort();
    for (size_t i = 0; i < config->inventory->nnodes; i++)
        check_node(config->inventory, &config->inventory->nodes[i]);
    config_free(config);
    return 0;
}
