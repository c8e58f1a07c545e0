/* Real values to codes and back, at the ends of the model: as quantize and dequantize of
 * tinysine/quantization.py. */
#ifndef TINYSINE_QUANTIZE_H
#define TINYSINE_QUANTIZE_H

#include <stdint.h>

/* x finite. Divides in float32, rounds half away from zero, adds the zero point, clamps to [low, high]. */
static inline int32_t ts_quantize_f32(float x, float scale, int32_t zero_point, int32_t low, int32_t high) {
    float const scaled = x / scale;
    /* Beyond these limits every answer clamps, and within them the conversion to int32 is defined. */
    if (scaled >= 1024.0F) {
        return high;
    }
    if (scaled <= -1024.0F) {
        return low;
    }
    int32_t code = (int32_t)scaled;          /* toward zero */
    float const rest = scaled - (float)code; /* exact: below 2^10 the fraction keeps all its bits */
    if (rest >= 0.5F) {
        code++;
    } else if (rest <= -0.5F) {
        code--;
    }
    code += zero_point;
    return code < low ? low : code > high ? high : code;
}

static inline float ts_dequantize_f32(int32_t code, float scale, int32_t zero_point) {
    return scale * (float)(code - zero_point);
}

#endif
