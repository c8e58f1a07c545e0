/* ADD and SUB. As the references have it, both operands are brought to a common scale, and their sum to that of the
 * result. Where the generator has proved over all pairs of codes that it is the same, one line does all of that:
 * bias + first * code + second * code, in units of 2^-20 codes of the result. */
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

#define TS_LINEAR_BITS 20U

struct ts_add_linear {
    struct ts_pairs pairs;
    const TS_FLASH int32_t *constants; /* the second operand times its factor; or none */
    int32_t bias;
    int32_t first;
    int32_t second;
    int8_t clamp_min;
    int8_t clamp_max;
};

static inline int8_t ts_linear(const TS_FLASH struct ts_add_linear *layer, int32_t sum) {
    return (int8_t)ts_clamp(sum >> TS_LINEAR_BITS, layer->clamp_min, layer->clamp_max);
}

static __attribute__((noinline, unused)) void ts_add_linear_s8(const TS_FLASH struct ts_add_linear *layer,
                                                               const int8_t *first, const int8_t *second,
                                                               int8_t *output) {
    const TS_FLASH struct ts_pairs *const pairs = &layer->pairs;
    uint32_t const rows = ts_pair_rows(pairs);
    for (uint32_t row = 0; row < rows; row++) {
        const int8_t *one = first + ts_pair_row(pairs, pairs->first_steps, row);
        const int8_t *other = second + ts_pair_row(pairs, pairs->second_steps, row);
        for (uint32_t i = pairs->counts[3]; i > 0; i--) {
            *output++ = ts_linear(layer, layer->bias + *one * layer->first + *other * layer->second);
            one += pairs->first_steps[3];
            other += pairs->second_steps[3];
        }
    }
}

static __attribute__((noinline, unused)) void
ts_add_linear_constants_s8(const TS_FLASH struct ts_add_linear *layer, const int8_t *first, int8_t *output) {
    const TS_FLASH struct ts_pairs *const pairs = &layer->pairs;
    uint32_t const rows = ts_pair_rows(pairs);
    for (uint32_t row = 0; row < rows; row++) {
        const int8_t *one = first + ts_pair_row(pairs, pairs->first_steps, row);
        const TS_FLASH int32_t *other = layer->constants + ts_pair_row(pairs, pairs->second_steps, row);
        for (uint32_t i = pairs->counts[3]; i > 0; i--) {
            *output++ = ts_linear(layer, layer->bias + *one * layer->first + *other);
            one += pairs->first_steps[3];
            other += pairs->second_steps[3];
        }
    }
}

#if defined(__ARM_FEATURE_DSP)

#define TS_ADD_ONE(byte)                                                                                     \
    "sxtb %[code], %[a]" byte "\n\tmla %[sum], %[code], %[one], %[bias]\n\tsxtb %[code], %[b]" byte          \
    "\n\tmla %[sum], %[code], %[other], %[sum]\n\tssat %[sum], #8, %[sum], asr #20\n\tstrb %[sum], "         \
    "[%[out]], #1\n\t"
#define TS_ADD_FOUR                                                                                          \
    "ldr %[a], [%[first]], #4\n\tldr %[b], [%[second]], #4\n\t" TS_ADD_ONE("") TS_ADD_ONE(", ror #8")        \
        TS_ADD_ONE(", ror #16") TS_ADD_ONE(", ror #24")

/* Eight codes. In C, GCC turns the factors that it knows into shifts and sums. */
#define TS_ADD_EIGHT()                                                                                       \
    do {                                                                                                     \
        uint32_t a, b;                                                                                       \
        int32_t code, sum;                                                                                   \
        __asm__ volatile(TS_ADD_FOUR TS_ADD_FOUR                                                             \
                         : [first] "+&r"(first), [second] "+&r"(second), [out] "+&r"(output), [a] "=&r"(a),  \
                           [b] "=&r"(b), [code] "=&r"(code), [sum] "=&r"(sum)                                \
                         : [one] "r"(one), [other] "r"(other), [bias] "r"(bias)                              \
                         : "memory");                                                                        \
    } while (0)

#else

#define TS_ADD_EIGHT()                                                                                       \
    do {                                                                                                     \
        for (unsigned i = 0; i < 8; i++) {                                                                   \
            *output++ = ts_add_saturated(bias + *first++ * one + *second++ * other);                         \
        }                                                                                                    \
    } while (0)

#endif

static inline int8_t ts_add_saturated(int32_t sum) {
    return (int8_t)ts_clamp(sum >> TS_LINEAR_BITS, -128, 127);
}

/* Two operands of one shape, with no limits but those of int8. output may be first. */
static __attribute__((noinline, unused)) void ts_add_words_s8(const struct ts_add_linear *layer,
                                                              const int8_t *first, const int8_t *second,
                                                              int8_t *output) {
    int32_t const bias = layer->bias;
    int32_t const one = layer->first;
    int32_t const other = layer->second;
    uint32_t left = layer->pairs.counts[3];
    for (; left >= 8; left -= 8) {
        TS_ADD_EIGHT();
    }
    for (; left > 0; left--) {
        *output++ = ts_add_saturated(bias + *first++ * one + *second++ * other);
    }
}

#endif
