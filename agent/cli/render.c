#include "agent/cli/render.h"

const struct renderer *renderer_of(enum format format)
{
    static const struct renderer *const renderers[FORMATS] = {
        [FORMAT_TABLE] = &render_table,     [FORMAT_JSON] = &render_json,
        [FORMAT_JSONL] = &render_jsonl,     [FORMAT_CSV] = &render_csv,
        [FORMAT_NODESET] = &render_nodeset,
    };
    return renderers[format];
}
