/* Any text as a driver's description: what is taken encodes to the same again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "proto/cleanup.h"
#include "proto/option.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct option_schema *schema = NULL, *again = NULL;
    _cleanup_(freep) char *text = strndup((const char *)data, size);
    if (!text || option_schema_decode(text, &schema, NULL))
        return 0;
    _cleanup_(freep) char *json = option_schema_encode(schema->driver, schema->help, schema->table);
    if (!json || option_schema_decode(json, &again, NULL))
        abort();
    _cleanup_(freep) char *twice = option_schema_encode(again->driver, again->help, again->table);
    if (!twice || strcmp(json, twice) != 0)
        abort();
    for (size_t i = 0; i < schema->table.count; i++) {
        const struct option *row = &schema->table.rows[i];
        (void)option_check(row, text, NULL);
        (void)option_nearest(schema->table, row->name);
        if (row->fallback && option_check(row, row->fallback, NULL))
            abort(); /* a default that its own row refuses */
        uint32_t number;
        if (row->type == OPTION_UINT && row->fallback &&
            (option_number(row->fallback, &number) || number < row->min ||
             (row->max && number > row->max)))
            abort();
    }
    option_schema_free(schema);
    option_schema_free(again);
    return 0;
}
