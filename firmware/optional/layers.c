/* LAYER and READ_LAYER, for an engine that shows what its layers held. */
#include "tinysine/app.h"
#include "tinysine/engine.h"
#include "tinysine/link.h"
#include "tinysine/wire.h"

/* Of tinysine/model.h, which only an engine includes. */
extern const struct ts_layer ts_model_layers[];
extern const uint16_t ts_model_layer_count;

enum { TS_LAYER_REQUEST_BYTES = 2, TS_READ_LAYER_REQUEST_BYTES = 8 };

static void ts_layers_copy(uint8_t *to, const uint8_t *from, uint32_t length) {
    while (length--) {
        *to++ = *from++;
    }
}

static uint16_t ts_layers_shown(void) {
    uint16_t shown = 0;
    for (uint16_t i = 0; i < ts_model_layer_count; i++) {
        shown = (uint16_t)(shown + (ts_engine_layer_output(i) != 0));
    }
    return shown;
}

/* The model's number of a layer, counted among those that are shown; ts_model_layer_count where it is none. */
static uint16_t ts_layers_find(uint16_t wanted) {
    uint16_t i = 0;
    for (; i < ts_model_layer_count; i++) {
        if (ts_engine_layer_output(i) != 0 && wanted-- == 0) {
            break;
        }
    }
    return i;
}

uint16_t ts_layers_capabilities(void) {
    return ts_app_engine_status == TS_OK && ts_layers_shown() != 0 ? TS_CAN_LAYERS : 0;
}

static int ts_layers_describe(const struct ts_layer *layer, struct ts_wire_layer *reply) {
    reply->count = ts_layers_shown();
    reply->operator_number = layer->operator_number;
    reply->output = layer->output;
    reply->dtype = layer->tensor.dtype;
    reply->rank = layer->tensor.rank;
    reply->zero = 0;
    reply->bytes = layer->tensor.bytes;
    for (uint8_t i = 0; i < layer->tensor.rank; i++) {
        reply->dims[i] = layer->tensor.dims[i];
    }
    uint8_t *at = (uint8_t *)&reply->dims[layer->tensor.rank];
    const uint8_t *end = (const uint8_t *)reply + TS_PAYLOAD_BYTES;
    for (const char *name = layer->name; *name != 0 && at < end; name++) {
        *at++ = (uint8_t)*name;
    }
    return (int)(at - (uint8_t *)reply);
}

static int ts_layers_read(uint16_t index, const uint8_t *payload, uint8_t *reply) {
    uint32_t bytes = ts_model_layers[index].tensor.bytes;
    uint32_t length = *(const ts_wire_u16 *)(payload + 2);
    uint32_t offset = *(const ts_wire_u32 *)(payload + 4);
    if (length == 0 || length > TS_PAYLOAD_BYTES || offset > bytes || length > bytes - offset) {
        return TS_BAD_VALUE;
    }
    ts_layers_copy(reply, (const uint8_t *)ts_engine_layer_output(index) + offset, length);
    return (int)length;
}

int ts_layers_run(uint8_t request, const uint8_t *payload, uint32_t length, uint8_t *reply) {
    if (length != (request == TS_LAYER ? TS_LAYER_REQUEST_BYTES : TS_READ_LAYER_REQUEST_BYTES)) {
        return TS_BAD_LENGTH;
    }
    if (ts_app_engine_status != TS_OK) {
        reply[0] = (uint8_t)-ts_app_engine_status;
        return TS_ENGINE;
    }
    uint16_t index = ts_layers_find(*(const ts_wire_u16 *)payload);
    if (index == ts_model_layer_count) {
        return TS_BAD_VALUE;
    }
    return request == TS_LAYER ? ts_layers_describe(&ts_model_layers[index], (struct ts_wire_layer *)reply)
                               : ts_layers_read(index, payload, reply);
}
