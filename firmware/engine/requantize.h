/* Accumulator to output code: the arithmetic of tinysine/quantization.py in C, any core, any multiplier.
 *
 * multiplier: Q31 mantissa in [2^30, 2^31), or 0; right_shift: 31 - shift, in [1, 62]. The generator has
 * proved that no step overflows for any input. */
#ifndef TINYSINE_ENGINE_REQUANTIZE_H
#define TINYSINE_ENGINE_REQUANTIZE_H

#include <stdint.h>

/* Rounds once, halves up: as LiteRT's BUILTIN_REF. */
static inline int32_t ts_requantize_single(int32_t acc, int32_t multiplier, unsigned right_shift) {
    int64_t const half = (int64_t)1 << (right_shift - 1);
    return (int32_t)(((int64_t)acc * multiplier + half) >> right_shift);
}

/* Rounds twice: a doubling high multiply (halves up), then a right shift (halves away from zero): as
 * TensorFlow Lite Micro. Saturation of the first step needs a multiplier of -2^31, which does not occur. */
static inline int32_t ts_requantize_double(int32_t acc, int32_t multiplier, unsigned right_shift) {
    int32_t const shift = 31 - (int32_t)right_shift;
    int32_t const scaled = shift > 0 ? (int32_t)((uint32_t)acc << shift) : acc;
    int32_t const high = (int32_t)(((int64_t)scaled * multiplier + ((int64_t)1 << 30)) >> 31);
    if (shift >= 0) {
        return high;
    }
    int32_t const half = (int32_t)1 << (-shift - 1);
    return (int32_t)(((int64_t)high + half - (high < 0)) >> -shift);
}

static inline int32_t ts_clamp(int32_t value, int32_t low, int32_t high) {
    return value < low ? low : value > high ? high : value;
}

#endif
