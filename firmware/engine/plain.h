/* A layer in plain C, for cores with neither dual multiply-accumulate nor, often, a long multiply: Cortex-M0,
 * M0+, M3, AVR. Activations are uint8, stored from 0.
 *
 * A 64-bit product costs such a core a library call. Where the generator has proved that accumulators stay
 * within 20 bits, the multiplier is split in three parts small enough for 32-bit products: m = high * 2^22 +
 * middle * 2^11 + low, and floor(acc * m / 2^22) follows from nested floors, exactly. */
#ifndef TINYSINE_ENGINE_PLAIN_H
#define TINYSINE_ENGINE_PLAIN_H

#include <stdint.h>

#include "tinysine/flash.h"

#include "engine/requantize.h"
#include "tinysine/engine.h"

/* Always inlined, so that is_signed and is_long are constants. */
#define TS_PLAIN_INLINE __attribute__((always_inline))

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
    const TS_FLASH uint8_t *weights; /* [outputs][inputs], 128 more: what such a core loads fastest */
    const TS_FLASH void *channels;   /* [outputs], split or long */
    uint16_t inputs;
    uint16_t outputs;
    int32_t offset; /* added before clamping; as wide as such a core loads in one instruction */
    int32_t clamp_min;
    int32_t clamp_max;
};

/* What the weights' 128 adds to every dot product. Unsigned here and below, for a sum on its way may leave
 * int32; the whole of it does not. is_signed: the input is int8, else uint8. */
static inline TS_PLAIN_INLINE uint32_t ts_plain_excess(const uint8_t *input, unsigned count, int is_signed) {
    uint32_t sum = 0;
    for (; count > 0; count--, input++) {
        sum += is_signed ? (uint32_t)(int8_t)*input : *input;
    }
    return sum * 128;
}

/* end: of the input. A function of its own, so that its loop has the eight low registers to itself. product:
 * a type that holds it, also where int has 16 bits: 255 * -128 an int, 255 * 255 only an unsigned. */
#define TS_PLAIN_DOT(name, type, product)                                                                    \
    static __attribute__((noinline, unused)) int32_t name(uint32_t acc, const TS_FLASH uint8_t *weights,     \
                                                          const uint8_t *input, const uint8_t *end) {        \
        while (end - input >= 8) {                                                                           \
            acc += (uint32_t)(weights[0] * (product)(type)input[0]);                                         \
            acc += (uint32_t)(weights[1] * (product)(type)input[1]);                                         \
            acc += (uint32_t)(weights[2] * (product)(type)input[2]);                                         \
            acc += (uint32_t)(weights[3] * (product)(type)input[3]);                                         \
            acc += (uint32_t)(weights[4] * (product)(type)input[4]);                                         \
            acc += (uint32_t)(weights[5] * (product)(type)input[5]);                                         \
            acc += (uint32_t)(weights[6] * (product)(type)input[6]);                                         \
            acc += (uint32_t)(weights[7] * (product)(type)input[7]);                                         \
            input += 8;                                                                                      \
            weights += 8;                                                                                    \
        }                                                                                                    \
        while (input != end) {                                                                               \
            acc += (uint32_t)(*weights++ * (product)(type) * input++);                                       \
        }                                                                                                    \
        return (int32_t)acc;                                                                                 \
    }
TS_PLAIN_DOT(ts_plain_dot_s8, int8_t, int)
TS_PLAIN_DOT(ts_plain_dot_u8, uint8_t, unsigned)

static inline int32_t ts_split_requantize(int32_t acc, const TS_FLASH struct ts_split_channel *channel) {
    int32_t scaled = ((acc * channel->low) >> 11) + acc * channel->middle;
    scaled = (scaled >> 11) + acc * channel->high; /* floor(acc * m / 2^22) */
    if (TS_ENGINE_REFERENCE == TS_REFERENCE_TFLM) {
        scaled = (scaled + 256) >> 9;
        scaled += scaled >> 31;
    }
    return ((scaled >> channel->shift) + 1) >> 1;
}

/* input and output must not overlap. is_long: the channels are long, else split. */
static inline TS_PLAIN_INLINE void ts_plain_run(const TS_FLASH struct ts_plain *layer, const uint8_t *input,
                                                int is_signed, int is_long, uint8_t *output) {
    const TS_FLASH struct ts_split_channel *split = layer->channels;
    const TS_FLASH struct ts_long_channel *whole = layer->channels;
    const TS_FLASH uint8_t *weights = layer->weights;
    uint32_t const excess = ts_plain_excess(input, layer->inputs, is_signed);
    for (uint8_t *const end = output + layer->outputs; output != end; output++, split++, whole++) {
        int32_t const bias = is_long ? whole->bias : split->bias;
        int32_t const acc = (is_signed ? ts_plain_dot_s8 : ts_plain_dot_u8)((uint32_t)bias - excess, weights,
                                                                            input, input + layer->inputs);
        int32_t const scaled = is_long ? ts_requantize(acc, whole->multiplier, whole->right_shift)
                                       : ts_split_requantize(acc, split);
        *output = (uint8_t)ts_clamp(scaled + layer->offset, layer->clamp_min, layer->clamp_max);
        weights += layer->inputs;
    }
}

static __attribute__((noinline, unused)) void ts_plain_split_s8(const TS_FLASH struct ts_plain *layer,
                                                                const uint8_t *input, uint8_t *output) {
    ts_plain_run(layer, input, 1, 0, output);
}

static __attribute__((noinline, unused)) void ts_plain_split_u8(const TS_FLASH struct ts_plain *layer,
                                                                const uint8_t *input, uint8_t *output) {
    ts_plain_run(layer, input, 0, 0, output);
}

static __attribute__((noinline, unused)) void ts_plain_long_s8(const TS_FLASH struct ts_plain *layer,
                                                               const uint8_t *input, uint8_t *output) {
    ts_plain_run(layer, input, 1, 1, output);
}

static __attribute__((noinline, unused)) void ts_plain_long_u8(const TS_FLASH struct ts_plain *layer,
                                                               const uint8_t *input, uint8_t *output) {
    ts_plain_run(layer, input, 0, 1, output);
}

#endif
