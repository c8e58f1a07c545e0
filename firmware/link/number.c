#include "tinysine/number.h"
#include "tinysine/app.h"
#include "tinysine/fault.h"
#include "tinysine/quantize.h"
#include "tinysine/wire.h"

uint16_t ts_dtype_bytes(uint8_t dtype) {
    return dtype == TS_FLOAT32 ? 4 : 1;
}

bool ts_number_is_finite(float value) {
    return (*(ts_wire_u32 *)&value >> 23 & 0xff) != 0xff;
}

void ts_number_quantize(const struct ts_tensor *tensor, float value, void *element) {
    if (tensor->dtype == TS_FLOAT32) {
        *(ts_wire_f32 *)element = value;
        return;
    }
    int32_t code = ts_quantize_steps(value, tensor->scale) + tensor->zero_point;
    int32_t low = tensor->dtype == TS_INT8 ? -128 : 0;
    *(uint8_t *)element = (uint8_t)ts_clamp(code, low, low + 255);
}

float ts_number_dequantize(const struct ts_tensor *tensor, const void *element, int32_t *code) {
    *code = 0;
    if (tensor->dtype == TS_FLOAT32) {
        return *(const ts_wire_f32 *)element;
    }
    *code = tensor->dtype == TS_INT8 ? *(const int8_t *)element : *(const uint8_t *)element;
    return ts_dequantize_f32(*code, tensor->scale, tensor->zero_point);
}

int ts_number_infer(float x, float *y, int32_t *code) {
    float input;
    float output;
    if (ts_app_engine_status != TS_OK) {
        return ts_app_engine_status;
    }
    ts_number_quantize(&ts_engine.input, x, &input);
    ts_stage(TS_STAGE_INFERRING);
    int status = ts_engine_invoke(&input, &output);
    *y = ts_number_dequantize(&ts_engine.output, &output, code);
    return status;
}
