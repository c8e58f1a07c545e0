/* Sums that stand times 256: the shortest requantisation that rounds as two roundings do, proved for each channel by the
 * generator (codegen/scaled_sum.py), and the long one for the channels where it is not. */
#ifndef TINYSINE_ENGINE_SCALED_H
#define TINYSINE_ENGINE_SCALED_H

#include <stdint.h>

#include "engine/requantize.h"
#include "tinysine/quantize.h"

struct ts_scaled_sum {
    int32_t multiplier;
    int32_t term;
    uint32_t
        right_shift; /* 0: short, code = saturate((high word of sum * multiplier + term) >> 12); else of requantize.h */
};

struct ts_scaled_limits {
    int8_t zero_point;
    int8_t clamp_min;
    int8_t clamp_max;
};

static inline int32_t ts_scaled_short(int32_t acc, const struct ts_scaled_sum *sum) {
    int32_t const high = (int32_t)(((int64_t)acc * sum->multiplier) >> 32);
    return ts_clamp((high + sum->term) >> 12, -128, 127);
}

static inline int32_t ts_scaled_code(int32_t acc, const struct ts_scaled_sum *sum,
                                     const struct ts_scaled_limits *limits) {
    if (sum->right_shift == 0) {
        return ts_scaled_short(acc, sum);
    }
    int32_t const code = ts_requantize_double(acc >> 8, sum->multiplier, sum->right_shift);
    return ts_clamp(code + limits->zero_point, limits->clamp_min, limits->clamp_max);
}

#endif
