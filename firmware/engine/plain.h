/* A layer in plain C, for cores with neither dual multiply-accumulate nor, often, a long multiply: Cortex-M0,
 * M0+, M3, AVR. Activations are uint8, stored from 0.
 *
 * A 64-bit product costs such a core a library call. Where the generator has proved that accumulators stay
 * within 20 bits, the multiplier is split in three parts small enough for 32-bit products: m = high * 2^22 +
 * middle * 2^11 + low, and floor(acc * m / 2^22) follows from nested floors, exactly. */
#ifndef TINYSINE_ENGINE_PLAIN_H
#define TINYSINE_ENGINE_PLAIN_H

#include <stdint.h>

#include "engine/requantize.h"
#include "tinysine/engine.h"

struct ts_split_channel {
    int32_t bias;
    uint16_t low;    /* 11 bits */
    uint16_t middle; /* 11 bits */
    uint16_t high;   /* 9 bits */
    uint16_t shift;  /* one less than what is left to shift by */
};

struct ts_long_channel {
    int32_t bias;
    int32_t multiplier;
    uint8_t right_shift;
};

struct ts_plain {
    const int8_t *weights; /* [outputs][inputs] */
    const void *channels;  /* [outputs], split or long */
    uint16_t inputs;
    uint16_t outputs;
    int16_t offset; /* added before clamping */
    int16_t clamp_min;
    int16_t clamp_max;
};

/* flip is exclusive-ored into each input: 0x80 turns int8 codes into uint8 ones, 0 takes uint8 codes as they
 * are. */
static inline int32_t ts_plain_dot(int32_t acc, const int8_t *weights, const uint8_t *input, unsigned count,
                                   uint8_t flip) {
    for (; count >= 8; count -= 8, input += 8, weights += 8) {
        acc += weights[0] * (input[0] ^ flip);
        acc += weights[1] * (input[1] ^ flip);
        acc += weights[2] * (input[2] ^ flip);
        acc += weights[3] * (input[3] ^ flip);
        acc += weights[4] * (input[4] ^ flip);
        acc += weights[5] * (input[5] ^ flip);
        acc += weights[6] * (input[6] ^ flip);
        acc += weights[7] * (input[7] ^ flip);
    }
    for (; count > 0; count--) {
        acc += *weights++ * (*input++ ^ flip);
    }
    return acc;
}

static inline int32_t ts_split_requantize(int32_t acc, const struct ts_split_channel *channel,
                                          enum ts_rounding rounding) {
    int32_t scaled = ((acc * channel->low) >> 11) + acc * channel->middle;
    scaled = (scaled >> 11) + acc * channel->high; /* floor(acc * m / 2^22) */
    if (rounding == TS_ROUNDING_TFLM) {
        scaled = (scaled + 256) >> 9;
        scaled += scaled >> 31;
    }
    return ((scaled >> channel->shift) + 1) >> 1;
}

/* input and output must not overlap. */
static inline void ts_plain_split_s8(const struct ts_plain *layer, enum ts_rounding rounding,
                                     const uint8_t *input, uint8_t flip, uint8_t *output) {
    const struct ts_split_channel *channel = layer->channels;
    const int8_t *weights = layer->weights;
    for (uint8_t *const end = output + layer->outputs; output != end; output++, channel++) {
        int32_t const acc = ts_plain_dot(channel->bias, weights, input, layer->inputs, flip);
        int32_t const scaled = ts_split_requantize(acc, channel, rounding);
        *output = (uint8_t)ts_clamp(scaled + layer->offset, layer->clamp_min, layer->clamp_max);
        weights += layer->inputs;
    }
}

static inline void ts_plain_long_s8(const struct ts_plain *layer, enum ts_rounding rounding,
                                    const uint8_t *input, uint8_t flip, uint8_t *output) {
    const struct ts_long_channel *channel = layer->channels;
    const int8_t *weights = layer->weights;
    for (uint8_t *const end = output + layer->outputs; output != end; output++, channel++) {
        int32_t const acc = ts_plain_dot(channel->bias, weights, input, layer->inputs, flip);
        int32_t const scaled = rounding == TS_ROUNDING_LITERT
                                   ? ts_requantize_single(acc, channel->multiplier, channel->right_shift)
                                   : ts_requantize_double(acc, channel->multiplier, channel->right_shift);
        *output = (uint8_t)ts_clamp(scaled + layer->offset, layer->clamp_min, layer->clamp_max);
        weights += layer->inputs;
    }
}

#endif
