/* Accumulator to output code: the arithmetic of tinysine/quantization.py in C, any core, any multiplier.
 *
 * multiplier: Q31 mantissa in [2^30, 2^31), or 0; right_shift: 31 - shift, in [1, 62]. The generator has
 * proved that no step overflows for any input, and chosen multipliers that equal the reference: see
 * tinysine/graph/requantization.py.
 *
 * The file that includes this defines TS_ENGINE_REFERENCE, an enum ts_reference. */
#ifndef TINYSINE_ENGINE_REQUANTIZE_H
#define TINYSINE_ENGINE_REQUANTIZE_H

#include <stdint.h>

#include "tinysine/engine.h"
#include "tinysine/quantize.h"

/* Rounds once, halves up: as LiteRT's BUILTIN_REF. */
static inline int32_t ts_requantize_single(int32_t acc, int32_t multiplier, unsigned right_shift) {
    int64_t const half = (int64_t)1 << (right_shift - 1);
    return (int32_t)(((int64_t)acc * multiplier + half) >> right_shift);
}

/* a * b / 2^31, halves up; b is not negative. */
#if defined(__ARM_ARCH_6M__) /* which would call a library for the long product */
static inline int32_t ts_high_doubled(int32_t a, int32_t b) {
    int32_t const a_high = a >> 16;
    int32_t const b_high = b >> 16;
    uint32_t const a_low = (uint32_t)a & 0xFFFF;
    uint32_t const b_low = (uint32_t)b & 0xFFFF;
    /* The product is a_high * b_high * 2^32 + (middle + other) * 2^16, and less than 2^16. */
    int32_t const middle = a_high * (int32_t)b_low + (int32_t)((a_low * b_low) >> 16);
    int32_t const other = (int32_t)(a_low * (uint32_t)b_high);
    int32_t const rest = (middle & 0x7FFF) + (other & 0x7FFF) + (1 << 14);
    return a_high * b_high * 2 + (middle >> 15) + (other >> 15) + (rest >> 15);
}
#else
static inline int32_t ts_high_doubled(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}
#endif

/* Rounds twice: a doubling high multiply (halves up), then a right shift (halves away from zero): as
 * TensorFlow Lite Micro. Saturation of the first step needs a multiplier of -2^31, which does not occur. */
static inline int32_t ts_requantize_double(int32_t acc, int32_t multiplier, unsigned right_shift) {
    int32_t const shift = 31 - (int32_t)right_shift;
    int32_t const scaled = shift > 0 ? (int32_t)((uint32_t)acc << shift) : acc;
    int32_t const high = ts_high_doubled(scaled, multiplier);
    if (shift >= 0) {
        return high;
    }
    int32_t const away = high - (high < 0); /* halves of negative values go down */
    return ((away >> (-shift - 1)) + 1) >> 1;
}

static inline int32_t ts_requantize(int32_t acc, int32_t multiplier, unsigned right_shift) {
    return TS_ENGINE_REFERENCE == TS_REFERENCE_LITERT ? ts_requantize_single(acc, multiplier, right_shift)
                                                      : ts_requantize_double(acc, multiplier, right_shift);
}

/* The same with 32-bit words, where the generator has proved that they suffice. shift is one less than what
 * the high word of the product is still to be shifted by. Halves go up ... */
#if defined(__ARM_FEATURE_DSP)
static inline int32_t ts_high_rounded(int32_t a, int32_t b) {
    __asm__("smmulr %0, %0, %1" : "+r"(a) : "r"(b));
    return a;
}
#else
static inline int32_t ts_high_rounded(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32);
}
#endif

static inline int32_t ts_requantize_short_single(int32_t acc, int32_t multiplier, unsigned shift) {
    int32_t const high = (int32_t)(((int64_t)acc * multiplier) >> 32);
    return ((high >> shift) + 1) >> 1;
}

/* ... and, after the second rounding, away from zero. */
static inline int32_t ts_requantize_short_double(int32_t acc, int32_t multiplier, unsigned shift) {
    int32_t high = ts_high_rounded(acc * 2, multiplier);
    high += high >> 31;
    return ((high >> shift) + 1) >> 1;
}

static inline int32_t ts_requantize_short(int32_t acc, int32_t multiplier, unsigned shift) {
    return TS_ENGINE_REFERENCE == TS_REFERENCE_LITERT ? ts_requantize_short_single(acc, multiplier, shift)
                                                      : ts_requantize_short_double(acc, multiplier, shift);
}

#endif
