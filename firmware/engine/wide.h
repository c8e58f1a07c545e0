/* A layer too wide for registers: a loop whose code does not grow with the layer. Four rows at a time share
 * each load of the inputs; two weights and two inputs meet in one multiply-accumulate where the core has one.
 *
 * Weights are 16 bits wide, in the order in which they are used: for each block of four rows, for each four
 * inputs, for each row two words: weights of inputs 0 and 2, then of inputs 1 and 3. The rows that are left
 * over stand alone, one after another, in the same order of words. Where the inputs are not a multiple of
 * four, the last weights are zero. */
#ifndef TINYSINE_ENGINE_WIDE_H
#define TINYSINE_ENGINE_WIDE_H

#include "engine/requantize.h"
#include "engine/rows.h"
#include "tinysine/engine.h"

struct ts_channel {
    int32_t bias;
    int32_t multiplier;
    int32_t right_shift;
};

struct ts_wide {
    const int32_t *weights;
    const struct ts_channel *channels; /* [outputs] */
    uint16_t inputs;
    uint16_t outputs;
    int16_t offset; /* added before clamping */
    int16_t clamp_min;
    int16_t clamp_max;
};

#if defined(__ARM_FEATURE_DSP)
static inline int32_t ts_smlad(int32_t a, int32_t b, int32_t acc) {
    __asm__("smlad %0, %1, %2, %0" : "+r"(acc) : "r"(a), "r"(b));
    return acc;
}
#else
static inline int32_t ts_smlad(int32_t a, int32_t b, int32_t acc) {
    return acc + (int16_t)(a & 0xFFFF) * (int16_t)(b & 0xFFFF) + (a >> 16) * (b >> 16);
}
#endif

static inline uint8_t ts_wide_code(const struct ts_wide *layer, enum ts_rounding rounding, unsigned row,
                                   int32_t acc) {
    const struct ts_channel *const channel = &layer->channels[row];
    int32_t const scaled =
        rounding == TS_ROUNDING_LITERT
            ? ts_requantize_single(acc, channel->multiplier, (unsigned)channel->right_shift)
            : ts_requantize_double(acc, channel->multiplier, (unsigned)channel->right_shift);
    return (uint8_t)ts_clamp(scaled + layer->offset, layer->clamp_min, layer->clamp_max);
}

/* input and output must not overlap. flip is exclusive-ored into each four inputs: 0x80808080 turns int8
 * codes into uint8 ones, 0 takes uint8 codes as they are. */
static inline void ts_wide_s8(const struct ts_wide *layer, enum ts_rounding rounding, const uint8_t *input,
                              uint32_t flip, uint8_t *output) {
    const int32_t *weight = layer->weights;
    const struct ts_channel *const channels = layer->channels;
    unsigned row = 0;
    for (; row + 4 <= layer->outputs; row += 4) {
        int32_t acc0 = channels[row].bias;
        int32_t acc1 = channels[row + 1].bias;
        int32_t acc2 = channels[row + 2].bias;
        int32_t acc3 = channels[row + 3].bias;
        for (unsigned i = 0; i < layer->inputs; i += 4, weight += 8) {
            uint32_t const word = ts_load_bytes(input + i, layer->inputs - i) ^ flip;
            int32_t const even = ts_even_bytes(word);
            int32_t const odd = ts_odd_bytes(word);
            acc0 = ts_smlad(weight[1], odd, ts_smlad(weight[0], even, acc0));
            acc1 = ts_smlad(weight[3], odd, ts_smlad(weight[2], even, acc1));
            acc2 = ts_smlad(weight[5], odd, ts_smlad(weight[4], even, acc2));
            acc3 = ts_smlad(weight[7], odd, ts_smlad(weight[6], even, acc3));
        }
        output[row] = ts_wide_code(layer, rounding, row, acc0);
        output[row + 1] = ts_wide_code(layer, rounding, row + 1, acc1);
        output[row + 2] = ts_wide_code(layer, rounding, row + 2, acc2);
        output[row + 3] = ts_wide_code(layer, rounding, row + 3, acc3);
    }
    for (; row < layer->outputs; row++) {
        int32_t acc = channels[row].bias;
        for (unsigned i = 0; i < layer->inputs; i += 4, weight += 2) {
            uint32_t const word = ts_load_bytes(input + i, layer->inputs - i) ^ flip;
            acc = ts_smlad(weight[1], ts_odd_bytes(word), ts_smlad(weight[0], ts_even_bytes(word), acc));
        }
        output[row] = ts_wide_code(layer, rounding, row, acc);
    }
}

#endif
