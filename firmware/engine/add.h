/* ADD and SUB: both operands are brought to a common scale, their sum to that of the result. */
#ifndef TINYSINE_ENGINE_ADD_H
#define TINYSINE_ENGINE_ADD_H

#include "engine/pairs.h"
#include "engine/requantize.h"

struct ts_addend {
    int32_t multiplier;
    uint8_t right_shift; /* 31 or more */
    int8_t zero_point;
    int8_t sign;
};

struct ts_add {
    struct ts_pairs pairs;
    const TS_FLASH int32_t *constants; /* the second operand, in the scale of the sum; or none */
    struct ts_addend first;
    struct ts_addend second;
    int32_t multiplier; /* of the sum */
    uint8_t right_shift;
    int8_t zero_point;
    int8_t clamp_min;
    int8_t clamp_max;
};

static inline int32_t ts_addend(const TS_FLASH struct ts_addend *operand, int8_t code) {
    int32_t const raised = ((int32_t)code - operand->zero_point) * ((int32_t)1 << 20);
    return operand->sign * ts_requantize_double(raised, operand->multiplier, operand->right_shift);
}

static inline int8_t ts_sum(const TS_FLASH struct ts_add *layer, int32_t sum) {
    int32_t const scaled = ts_requantize_double(sum, layer->multiplier, layer->right_shift);
    return (int8_t)ts_clamp(scaled + layer->zero_point, layer->clamp_min, layer->clamp_max);
}

/* Where first has no element twice, output may be first. */
static __attribute__((noinline, unused)) void
ts_add_s8(const TS_FLASH struct ts_add *layer, const int8_t *first, const int8_t *second, int8_t *output) {
    const TS_FLASH struct ts_pairs *const pairs = &layer->pairs;
    uint32_t const rows = ts_pair_rows(pairs);
    for (uint32_t row = 0; row < rows; row++) {
        const int8_t *one = first + ts_pair_row(pairs, pairs->first_steps, row);
        const int8_t *other = second + ts_pair_row(pairs, pairs->second_steps, row);
        for (uint32_t i = pairs->counts[3]; i > 0; i--) {
            *output++ = ts_sum(layer, ts_addend(&layer->first, *one) + ts_addend(&layer->second, *other));
            one += pairs->first_steps[3];
            other += pairs->second_steps[3];
        }
    }
}

/* The same with constants as the second operand. */
static __attribute__((noinline, unused)) void ts_add_constants_s8(const TS_FLASH struct ts_add *layer,
                                                                  const int8_t *first, int8_t *output) {
    const TS_FLASH struct ts_pairs *const pairs = &layer->pairs;
    uint32_t const rows = ts_pair_rows(pairs);
    for (uint32_t row = 0; row < rows; row++) {
        const int8_t *one = first + ts_pair_row(pairs, pairs->first_steps, row);
        const TS_FLASH int32_t *other = layer->constants + ts_pair_row(pairs, pairs->second_steps, row);
        for (uint32_t i = pairs->counts[3]; i > 0; i--) {
            *output++ = ts_sum(layer, ts_addend(&layer->first, *one) + *other);
            one += pairs->first_steps[3];
            other += pairs->second_steps[3];
        }
    }
}

#endif
