/* Real values to codes and back, at the ends of the model: as quantize and dequantize of
 * tinysine/quantization.py. */
#ifndef TINYSINE_QUANTIZE_H
#define TINYSINE_QUANTIZE_H

#include <stdint.h>

/* x finite. Divides in float32, rounds half away from zero; beyond every code it stays well inside int32. */
static inline int32_t ts_quantize_steps(float x, float scale) {
    float steps = x / scale;
    if (steps > 65536.0F) {
        steps = 65536.0F;
    }
    if (steps < -65536.0F) {
        steps = -65536.0F;
    }
    int32_t code = (int32_t)steps; /* toward zero */
    /* Not `steps + 0.5`: that sum rounds up for the float32 just below a half. Twice the rest is exact. */
    return code + (int32_t)(2.0F * (steps - (float)code));
}

static inline int32_t ts_clamp(int32_t value, int32_t low, int32_t high) {
    return value < low ? low : value > high ? high : value;
}

/* As above, then adds the zero point and clamps to [low, high]. */
static inline int32_t ts_quantize_f32(float x, float scale, int32_t zero_point, int32_t low, int32_t high) {
    return ts_clamp(ts_quantize_steps(x, scale) + zero_point, low, high);
}

static inline float ts_dequantize_f32(int32_t code, float scale, int32_t zero_point) {
    return scale * (float)(code - zero_point);
}

#endif
