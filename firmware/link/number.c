#include "tinysine/number.h"
#include "tinysine/fault.h"
#include "tinysine/link.h"

union ts_word {
    uint8_t bytes[4];
    float value;
};

uint16_t ts_dtype_bytes(uint8_t dtype) {
    return dtype == TS_FLOAT32 ? 4 : 1;
}

bool ts_number_is_finite(const uint8_t *bytes) {
    return (bytes[3] & 0x7f) != 0x7f || (bytes[2] & 0x80) == 0;
}

static void ts_number_copy(uint8_t *to, const uint8_t *from) {
    for (uint8_t i = 0; i < 4; i++) {
        to[i] = from[i];
    }
}

void ts_number_quantize(const struct ts_tensor *tensor, float value, uint8_t *element) {
    if (tensor->dtype == TS_FLOAT32) {
        union ts_word word = {.value = value};
        ts_number_copy(element, word.bytes);
        return;
    }
    int32_t low = tensor->dtype == TS_INT8 ? -128 : 0;
    float steps = value / tensor->scale;
    /* Far outside every code already, and still well inside int32. */
    if (steps > 65536.0f) {
        steps = 65536.0f;
    }
    if (steps < -65536.0f) {
        steps = -65536.0f;
    }
    int32_t code = (int32_t)steps;
    /* Not `steps + 0.5`: that sum rounds up for the float32 just below a half. The difference is exact. */
    float rest = steps - (float)code;
    if (rest >= 0.5f) {
        code++;
    }
    if (rest <= -0.5f) {
        code--;
    }
    code += tensor->zero_point;
    if (code < low) {
        code = low;
    }
    if (code > low + 255) {
        code = low + 255;
    }
    *element = (uint8_t)code;
}

int32_t ts_number_code(const struct ts_tensor *tensor, const uint8_t *element) {
    if (tensor->dtype == TS_FLOAT32) {
        return 0;
    }
    return tensor->dtype == TS_INT8 && *element > 127 ? *element - 256 : *element;
}

float ts_number_dequantize(const struct ts_tensor *tensor, const uint8_t *element) {
    if (tensor->dtype == TS_FLOAT32) {
        union ts_word word;
        ts_number_copy(word.bytes, element);
        return word.value;
    }
    return tensor->scale * (float)(ts_number_code(tensor, element) - tensor->zero_point);
}

int ts_number_infer(float x, float *y, int32_t *code) {
    union ts_word input;
    union ts_word output;
    if (ts_link.engine != TS_OK) {
        return ts_link.engine;
    }
    ts_number_quantize(&ts_engine.input, x, input.bytes);
    ts_stage(TS_STAGE_INFERRING);
    int status = ts_engine_invoke(input.bytes, output.bytes);
    if (status == TS_OK) {
        *y = ts_number_dequantize(&ts_engine.output, output.bytes);
        *code = ts_number_code(&ts_engine.output, output.bytes);
    }
    return status;
}
