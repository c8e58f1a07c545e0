/* Means and greatest codes along axes: see tinysine/codegen/kernels/reduction.py. */
#ifndef TINYSINE_ENGINE_REDUCE_H
#define TINYSINE_ENGINE_REDUCE_H

#include <stdint.h>

#include "engine/requantize.h"
#include "tinysine/flash.h"

struct ts_loop {
    uint32_t count; /* at least 1 */
    uint32_t step;  /* in elements */
};

/* From the outermost loop to the innermost. */
struct ts_reduction {
    struct ts_loop kept[3];
    struct ts_loop reduced[3];
};

struct ts_mean {
    int32_t start; /* of the sum: it makes up for the zero point */
    int32_t multiplier;
    uint32_t right_shift;
    int32_t zero_point;
};

/* Writes one result, of the elements that lie as the loops say. */
typedef int8_t ts_reducer(const TS_FLASH struct ts_reduction *layer, const int8_t *first,
                          const TS_FLASH struct ts_mean *scale);

static inline __attribute__((always_inline)) void ts_reduce(const TS_FLASH struct ts_reduction *layer,
                                                            const int8_t *input, int8_t *output,
                                                            const TS_FLASH struct ts_mean *scale,
                                                            ts_reducer *reducer) {
    const TS_FLASH struct ts_loop *const kept = layer->kept;
    const int8_t *outer = input;
    for (uint32_t i = kept[0].count; i > 0; i--, outer += kept[0].step) {
        const int8_t *middle = outer;
        for (uint32_t j = kept[1].count; j > 0; j--, middle += kept[1].step) {
            const int8_t *inner = middle;
            for (uint32_t k = kept[2].count; k > 0; k--, inner += kept[2].step) {
                *output++ = reducer(layer, inner, scale);
            }
        }
    }
}

static inline int8_t ts_mean_of(const TS_FLASH struct ts_reduction *layer, const int8_t *first,
                                const TS_FLASH struct ts_mean *scale) {
    const TS_FLASH struct ts_loop *const reduced = layer->reduced;
    int32_t sum = scale->start;
    for (uint32_t i = reduced[0].count; i > 0; i--, first += reduced[0].step) {
        const int8_t *middle = first;
        for (uint32_t j = reduced[1].count; j > 0; j--, middle += reduced[1].step) {
            const int8_t *in = middle;
            for (uint32_t k = reduced[2].count; k > 0; k--, in += reduced[2].step) {
                sum += *in;
            }
        }
    }
    int32_t const mean = ts_requantize_double(sum, scale->multiplier, scale->right_shift);
    return (int8_t)ts_clamp(mean + scale->zero_point, INT8_MIN, INT8_MAX);
}

static inline int8_t ts_max_of(const TS_FLASH struct ts_reduction *layer, const int8_t *first,
                               const TS_FLASH struct ts_mean *scale) {
    const TS_FLASH struct ts_loop *const reduced = layer->reduced;
    int8_t greatest = INT8_MIN;
    (void)scale;
    for (uint32_t i = reduced[0].count; i > 0; i--, first += reduced[0].step) {
        const int8_t *middle = first;
        for (uint32_t j = reduced[1].count; j > 0; j--, middle += reduced[1].step) {
            const int8_t *in = middle;
            for (uint32_t k = reduced[2].count; k > 0; k--, in += reduced[2].step) {
                greatest = *in > greatest ? *in : greatest;
            }
        }
    }
    return greatest;
}

/* input and output must not overlap. */
static __attribute__((noinline, unused)) void ts_mean_s8(const TS_FLASH struct ts_reduction *layer,
                                                         const int8_t *input, int8_t *output,
                                                         const TS_FLASH struct ts_mean *scale) {
    ts_reduce(layer, input, output, scale, ts_mean_of);
}

/* input and output must not overlap. */
static __attribute__((noinline, unused)) void ts_reduce_max_s8(const TS_FLASH struct ts_reduction *layer,
                                                               const int8_t *input, int8_t *output) {
    ts_reduce(layer, input, output, (const TS_FLASH struct ts_mean *)0, ts_max_of);
}

#endif
