/* A layer too wide for registers, on a Cortex-M4 or M7: a loop whose code does not grow with the layer. Four
 * rows at a time share each load of the inputs, and two weights meet two inputs in one instruction.
 *
 * Weights are 16 bits wide, in the order in which they are used: for each block of four rows, for each four
 * inputs, for each row two words: weights of inputs 0 and 2, then of inputs 1 and 3. The rows that are left
 * over stand alone, one after another, in the same order of words. Where the inputs are not a multiple of
 * four, the last weights are zero. */
#ifndef TINYSINE_ENGINE_WIDE_H
#define TINYSINE_ENGINE_WIDE_H

#include "engine/bytes.h"
#include "engine/requantize.h"
#include "tinysine/engine.h"

struct ts_wide_channel {
    int32_t bias;
    int32_t multiplier;
    uint32_t shift; /* as in ts_requantize_short */
};

struct ts_wide {
    const int32_t *weights;
    const struct ts_wide_channel *channels; /* [outputs] */
    uint16_t inputs;
    uint16_t outputs;
    int16_t offset; /* added before clamping */
    int16_t clamp_min;
    int16_t clamp_max;
};

#if defined(__ARM_FEATURE_DSP)

#define TS_WIDE_GROUP(extend)                                                                                \
    "ldr %[even], [%[in]], #4\n\t" extend " %[odd], %[even], ror #8\n\t" extend " %[even], %[even]\n\t"      \
    "ldmia %[w]!, {r0, r1, r2, r3}\n\t"                                                                      \
    "smlad %[acc0], r0, %[even], %[acc0]\n\tsmlad %[acc0], r1, %[odd], %[acc0]\n\t"                          \
    "smlad %[acc1], r2, %[even], %[acc1]\n\tsmlad %[acc1], r3, %[odd], %[acc1]\n\t"                          \
    "ldmia %[w]!, {r0, r1, r2, r3}\n\t"                                                                      \
    "smlad %[acc2], r0, %[even], %[acc2]\n\tsmlad %[acc2], r1, %[odd], %[acc2]\n\t"                          \
    "smlad %[acc3], r2, %[even], %[acc3]\n\tsmlad %[acc3], r3, %[odd], %[acc3]\n\t"

/* Eight inputs. Operands and weights take twelve registers. The loop is in C, because GCC does not find a thirteenth
 * at every level of optimisation. */
#define TS_WIDE_EIGHT(extend)                                                                                \
    __asm__(TS_WIDE_GROUP(extend) TS_WIDE_GROUP(extend)                                                      \
            : [in] "+&r"(in), [w] "+&r"(weight), [acc0] "+&r"(acc0), [acc1] "+&r"(acc1), [acc2] "+&r"(acc2), \
              [acc3] "+&r"(acc3), [even] "=&r"(even), [odd] "=&r"(odd)                                       \
            :                                                                                                \
            : "r0", "r1", "r2", "r3", "memory")

#endif

/* input and output must not overlap. is_signed: the input is int8, else uint8. */
static inline __attribute__((always_inline)) void ts_wide_run(const struct ts_wide *layer, int is_signed,
                                                              const uint8_t *input, uint8_t *output) {
    const int32_t *weight = layer->weights;
    const struct ts_wide_channel *channel = layer->channels;
    unsigned left = layer->outputs;
    while (left > 0) {
        unsigned const rows = left >= 4 ? 4 : 1;
        int32_t acc[4] = {channel[0].bias};
        const uint8_t *in = input;
        if (rows == 4) {
            int32_t acc0 = acc[0];
            int32_t acc1 = channel[1].bias;
            int32_t acc2 = channel[2].bias;
            int32_t acc3 = channel[3].bias;
#if defined(__ARM_FEATURE_DSP)
            const uint8_t *const end = input + (layer->inputs & ~7U);
            while (in != end) {
                int32_t even;
                int32_t odd;
                if (is_signed) {
                    TS_WIDE_EIGHT("sxtb16");
                } else {
                    TS_WIDE_EIGHT("uxtb16");
                }
            }
#endif
            acc[0] = acc0;
            acc[1] = acc1;
            acc[2] = acc2;
            acc[3] = acc3;
        }
        for (unsigned count; (count = (unsigned)(input + layer->inputs - in)) > 0; in += count) {
            count = count < 4 ? count : 4;
            uint32_t const word = ts_load_bytes(in, count);
            int32_t const even = is_signed ? ts_even_signed(word) : ts_even_bytes(word);
            int32_t const odd = is_signed ? ts_odd_signed(word) : ts_odd_bytes(word);
            for (unsigned row = 0; row < rows; row++, weight += 2) {
                acc[row] = ts_smlad(weight[1], odd, ts_smlad(weight[0], even, acc[row]));
            }
        }
        for (unsigned row = 0; row < rows; row++, channel++) {
            int32_t const scaled = ts_requantize_short(acc[row], channel->multiplier, channel->shift);
            *output++ = (uint8_t)ts_clamp(scaled + layer->offset, layer->clamp_min, layer->clamp_max);
        }
        left -= rows;
    }
}

static __attribute__((noinline, unused)) void ts_wide_s8(const struct ts_wide *layer, const uint8_t *input,
                                                         uint8_t *output) {
    ts_wide_run(layer, 1, input, output);
}

static __attribute__((noinline, unused)) void ts_wide_u8(const struct ts_wide *layer, const uint8_t *input,
                                                         uint8_t *output) {
    ts_wide_run(layer, 0, input, output);
}

#endif
