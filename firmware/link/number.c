#include "tinysine/number.h"
#include "tinysine/app.h"
#include "tinysine/fault.h"
#include "tinysine/quantize.h"
#include "tinysine/wire.h"

uint16_t ts_dtype_bytes(uint8_t dtype) {
    return dtype == TS_FLOAT32 ? 4 : dtype == TS_INT16 ? 2 : 1;
}

bool ts_number_is_finite(const uint8_t *element) {
    return (element[3] & 0x7f) != 0x7f || (element[2] & 0x80) == 0;
}

void ts_number_quantize(const TS_FLASH struct ts_tensor *tensor, float value, void *element) {
    if (tensor->dtype == TS_FLOAT32) {
        *(ts_wire_f32 *)element = value;
        return;
    }
    int32_t code = ts_quantize_steps(value, tensor->scale) + tensor->zero_point;
    if (tensor->dtype == TS_INT16) {
        *(ts_wire_u16 *)element = (uint16_t)ts_clamp(code, INT16_MIN, INT16_MAX);
        return;
    }
    int32_t low = tensor->dtype == TS_INT8 ? -128 : 0;
    *(uint8_t *)element = (uint8_t)ts_clamp(code, low, low + 255);
}

float ts_number_dequantize(const TS_FLASH struct ts_tensor *tensor, const void *element, int32_t *code) {
    *code = 0;
    if (tensor->dtype == TS_FLOAT32) {
        return *(const ts_wire_f32 *)element;
    }
    *code = tensor->dtype == TS_INT8    ? *(const int8_t *)element
            : tensor->dtype == TS_INT16 ? (int16_t)*(const ts_wire_u16 *)element
                                        : *(const uint8_t *)element;
    return ts_dequantize_f32(*code, tensor->scale, tensor->zero_point);
}

static bool ts_number_is_one(const TS_FLASH struct ts_tensor *tensor, uint8_t count) {
    return count == 1 && tensor->bytes == ts_dtype_bytes(tensor->dtype);
}

bool ts_number_is_possible(void) {
    return ts_number_is_one(ts_engine.inputs, ts_engine.input_count) &&
           ts_number_is_one(ts_engine.outputs, ts_engine.output_count);
}

int ts_number_infer(float x, float *y, int32_t *code) {
    if (ts_app_engine_status != TS_OK) {
        return ts_app_engine_status;
    }
    ts_number_quantize(ts_engine.inputs, x, ts_engine_input(0));
    ts_stage(TS_STAGE_INFERRING);
    int status = ts_engine_invoke();
    *y = ts_number_dequantize(ts_engine.outputs, ts_engine_output(0), code);
    return status;
}
