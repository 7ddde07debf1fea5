/* Any text as the configuration file: taken, or refused with an error that names a place. What
 * stands behind "ethers:" is read as that file's text. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/io/conf_private.h"
#include "tests/unit/fixed_drivers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
    for (size_t i = 0; i < config->inventory->nnodes; i++) {
        const struct node *node = &config->inventory->nodes[i];
        if (inventory_node(config->inventory, node->name) != node ||
            node->control.device >= config->inventory->ndevices)
            abort();
    }
    config_free(config);
    return 0;
}
