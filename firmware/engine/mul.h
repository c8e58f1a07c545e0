/* MUL: the product of two operands, in the scale of the result. */
#ifndef TINYSINE_ENGINE_MUL_H
#define TINYSINE_ENGINE_MUL_H

#include "engine/pairs.h"
#include "engine/requantize.h"

struct ts_mul {
    struct ts_pairs pairs;
    const TS_FLASH int16_t *constants; /* the second operand less its zero point; or none */
    int32_t multiplier;
    uint8_t right_shift;
    int8_t first_zero_point;
    int8_t second_zero_point;
    int8_t zero_point;
    int8_t clamp_min;
    int8_t clamp_max;
};

static inline int8_t ts_product(const TS_FLASH struct ts_mul *layer, int8_t first, int32_t second) {
    int32_t const product = ((int32_t)first - layer->first_zero_point) * second;
    int32_t const scaled = ts_requantize_double(product, layer->multiplier, layer->right_shift);
    return (int8_t)ts_clamp(scaled + layer->zero_point, layer->clamp_min, layer->clamp_max);
}

/* Where first has no element twice, output may be first. */
static __attribute__((noinline, unused)) void
ts_mul_s8(const TS_FLASH struct ts_mul *layer, const int8_t *first, const int8_t *second, int8_t *output) {
    const TS_FLASH struct ts_pairs *const pairs = &layer->pairs;
    uint32_t const rows = ts_pair_rows(pairs);
    for (uint32_t row = 0; row < rows; row++) {
        const int8_t *one = first + ts_pair_row(pairs, pairs->first_steps, row);
        const int8_t *other = second + ts_pair_row(pairs, pairs->second_steps, row);
        for (uint32_t i = pairs->counts[3]; i > 0; i--) {
            *output++ = ts_product(layer, *one, (int32_t)*other - layer->second_zero_point);
            one += pairs->first_steps[3];
            other += pairs->second_steps[3];
        }
    }
}

/* The same with constants as the second operand. */
static __attribute__((noinline, unused)) void ts_mul_constants_s8(const TS_FLASH struct ts_mul *layer,
                                                                  const int8_t *first, int8_t *output) {
    const TS_FLASH struct ts_pairs *const pairs = &layer->pairs;
    uint32_t const rows = ts_pair_rows(pairs);
    for (uint32_t row = 0; row < rows; row++) {
        const int8_t *one = first + ts_pair_row(pairs, pairs->first_steps, row);
        const TS_FLASH int16_t *other = layer->constants + ts_pair_row(pairs, pairs->second_steps, row);
        for (uint32_t i = pairs->counts[3]; i > 0; i--) {
            *output++ = ts_product(layer, *one, *other);
            one += pairs->first_steps[3];
            other += pairs->second_steps[3];
        }
    }
}

#endif
