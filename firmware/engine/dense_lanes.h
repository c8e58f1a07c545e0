/* A dense layer on a Cortex-M4 or M7: eight outputs at a time, weights of one byte, and two multiplications in each
 * instruction.
 *
 * Two rows of weights, A and B, share a word: each 16-bit lane holds 256 * a + b. A dual multiply-accumulate with the
 * word as it stands sums T = 256 * A + B, one with the low bytes alone sums B, and T - B is 256 * A. T and B may leave
 * int32 on the way, where 256 * A does not: the generator proves it for each row.
 *
 * The inputs are widened once: for each four of them the words (0, 2) and (1, 3). The stream of constants stands in the
 * order in which it is used. For each eight outputs (the last ones filled up with zeros): T and B to begin with of
 * outputs 0 and 1, of 2 and 3, and so on; for each word of inputs a word of weights for each two outputs; and, for each
 * two outputs, their requantisation: multiplier and term of the first, both shifts, multiplier and term of the second.
 *
 *   SINGLE   one rounding: (high word of 256 * acc * multiplier, plus term) >> shift.
 *   DOUBLE   two roundings, as in rows.h. */
#ifndef TINYSINE_ENGINE_DENSE_LANES_H
#define TINYSINE_ENGINE_DENSE_LANES_H

#include <stdint.h>

#include "engine/bytes.h"
#include "engine/requantize.h"
#include "tinysine/engine.h"

struct ts_dense_lanes {
    const int32_t *stream;
    uint16_t inputs;
    uint16_t outputs;
    int16_t clamp_min; /* of codes from 0 */
    int16_t clamp_max;
    uint8_t is_signed; /* whether codes leave as int8: their top bits are flipped */
};

/* What a product works on. */
struct ts_dense_lanes_work {
    const int32_t *stream;
    const int32_t *pairs; /* the inputs, widened */
    const int32_t *main_end;
    const int32_t *end;
    uint8_t *codes;
    uint8_t *codes_end; /* a multiple of eight after them */
};

#if defined(__ARM_FEATURE_DSP)

/* Sums: r4, r6, r8, r10 are T, r5, r7, r9, r11 are B. Four inputs: loads that follow one another take a cycle each, but for
 * the first, and a word of inputs stays in its register for four words of weights. */
#define TS_DENSE_LANES_FOUR                                                                                  \
    "ldr r1, [r0], #8\n\tldr r2, [r12], #32\n\tldr r3, [r12, #-28]\n\tldr lr, [r12, #-24]\n\t"               \
    "smlad r4, r2, r1, r4\n\tsmlad r6, r3, r1, r6\n\tsmlad r8, lr, r1, r8\n\t"                               \
    "sxtb16 r2, r2\n\tsxtb16 r3, r3\n\tsxtb16 lr, lr\n\t"                                                    \
    "smlad r5, r2, r1, r5\n\tsmlad r7, r3, r1, r7\n\tsmlad r9, lr, r1, r9\n\t"                               \
    "ldr r2, [r12, #-20]\n\tldr r3, [r0, #-4]\n\tldr lr, [r12, #-16]\n\t"                                    \
    "smlad r10, r2, r1, r10\n\tsmlad r4, lr, r3, r4\n\tsxtb16 r2, r2\n\tsxtb16 lr, lr\n\t"                   \
    "smlad r11, r2, r1, r11\n\tsmlad r5, lr, r3, r5\n\t"                                                     \
    "ldr r1, [r12, #-12]\n\tldr r2, [r12, #-8]\n\tldr lr, [r12, #-4]\n\t"                                    \
    "smlad r6, r1, r3, r6\n\tsmlad r8, r2, r3, r8\n\tsmlad r10, lr, r3, r10\n\t"                             \
    "sxtb16 r1, r1\n\tsxtb16 r2, r2\n\tsxtb16 lr, lr\n\t"                                                    \
    "smlad r7, r1, r3, r7\n\tsmlad r9, r2, r3, r9\n\tsmlad r11, lr, r3, r11\n\t"

#define TS_DENSE_LANES_SIXTEEN TS_DENSE_LANES_FOUR TS_DENSE_LANES_FOUR TS_DENSE_LANES_FOUR TS_DENSE_LANES_FOUR

/* Two outputs: their constants, and what the sums T and B become. */
#define TS_DENSE_LANES_SINGLE(t, b)                                                                          \
    "ldmia r12!, {r0, r1, r2, r3, lr}\n\tsub " t ", " t ", " b "\n\tlsl " b ", " b ", #8\n\t"                \
    "smmla " t ", " t ", r0, r1\n\tsmmla " b ", " b ", r3, lr\n\t"
#define TS_DENSE_LANES_DOUBLE(t, b)                                                                          \
    "ldmia r12!, {r0, r1, r2, r3, lr}\n\tsub " t ", " t ", " b "\n\tasr " t ", " t ", #7\n\tlsl " b ", " b   \
    ", #1\n\tsmmulr " t ", " t ", r0\n\tsmmulr " b ", " b ", r3\n\tadd " t ", " t ", " t                     \
    ", asr #31\n\tadd " b ", " b ", " b ", asr #31\n\tadd " t ", " t ", r1\n\tadd " b ", " b ", lr\n\t"
#define TS_DENSE_LANES_CODES(scale, t, b)                                                                    \
    scale(t, b) "asr " t ", " t ", r2\n\tlsr r2, r2, #8\n\tasr " b ", " b ", r2\n\t"                         \
                "usat " t ", #8, " t "\n\tusat " b ", #8, " b "\n\t"

/* Eight outputs after eight. The statement takes every register, so that it stands in a function of its own, and has no
 * other way than the stack to keep what it needs now and then: `work`, but for its stream. */
#define TS_DENSE_LANES_PRODUCT(name, scale)                                                                  \
    static __attribute__((noinline, unused)) void name(const struct ts_dense_lanes_work *work) {             \
        register const struct ts_dense_lanes_work *ts_work __asm__("r0") = work;                             \
        __asm__ volatile(                                                                                    \
            "ldmia r0, {r4, r5, r6, r7, r8, r9}\n\tmov r12, r4\n\tpush {r5, r6, r7, r8, r9}\n"               \
            "1:\n\tldr r0, [sp]\n\tldr r1, [sp, #4]\n\t"                                                     \
            "ldmia r12!, {r4, r5, r6, r7, r8, r9, r10, r11}\n\tcmp r0, r1\n\tbeq 3f\n"                       \
            "2:\n\t" TS_DENSE_LANES_SIXTEEN TS_DENSE_LANES_SIXTEEN                                           \
            "ldr r1, [sp, #4]\n\tcmp r0, r1\n\tbne 2b\n"                                                     \
            "3:\n\tldr r1, [sp, #8]\n\tcmp r0, r1\n\tbeq 5f\n"                                               \
            "4:\n\t" TS_DENSE_LANES_FOUR "ldr r1, [sp, #8]\n\tcmp r0, r1\n\tbne 4b\n"                        \
            "5:\n\t" TS_DENSE_LANES_CODES(scale, "r4", "r5") TS_DENSE_LANES_CODES(scale, "r6", "r7")         \
                TS_DENSE_LANES_CODES(scale, "r8", "r9") TS_DENSE_LANES_CODES(                                \
                    scale, "r10", "r11") "ldr r0, [sp, #12]\n\tldr r1, [sp, #16]\n\t"                        \
                                         "strb r4, [r0], #1\n\tstrb r5, [r0], #1\n\tstrb r6, [r0], #1\n\t"   \
                                         "strb r7, [r0], #1\n\tstrb r8, [r0], #1\n\tstrb r9, [r0], #1\n\t"   \
                                         "strb r10, [r0], #1\n\tstrb r11, [r0], #1\n\tstr r0, [sp, #12]\n\t" \
                                         "cmp r0, r1\n\tbne 1b\n\tpop {r4, r5, r6, r7, r8}\n\t"              \
            : "+r"(ts_work)                                                                                  \
            :                                                                                                \
            : "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc",         \
              "memory");                                                                                     \
    }
TS_DENSE_LANES_PRODUCT(ts_dense_lanes_single, TS_DENSE_LANES_SINGLE)
TS_DENSE_LANES_PRODUCT(ts_dense_lanes_double, TS_DENSE_LANES_DOUBLE)

#else

/* The code of a sum, times 256. */
static inline uint8_t ts_dense_lanes_code(int32_t sum, int is_single, int32_t multiplier, int32_t term,
                                          unsigned shift) {
    int32_t scaled;
    if (is_single) {
        scaled = (int32_t)(((int64_t)sum * multiplier) >> 32) + term;
    } else {
        int32_t const high = ts_high_rounded(sum >> 7, multiplier);
        scaled = high + (high >> 31) + term;
    }
    return (uint8_t)ts_clamp(scaled >> shift, 0, 255);
}

static inline void ts_dense_lanes_product(const struct ts_dense_lanes_work *work, int is_single) {
    const int32_t *stream = work->stream;
    uint8_t *code = work->codes;
    while (code != work->codes_end) {
        int32_t both[4];
        int32_t low[4];
        for (unsigned i = 0; i < 4; i++) {
            both[i] = *stream++;
            low[i] = *stream++;
        }
        for (const int32_t *pair = work->pairs; pair != work->end; pair++) {
            for (unsigned i = 0; i < 4; i++, stream++) {
                both[i] = ts_smlad(*stream, *pair, both[i]);
                low[i] = ts_smlad(ts_even_signed((uint32_t)*stream), *pair, low[i]);
            }
        }
        for (unsigned i = 0; i < 4; i++, stream += 5) {
            uint32_t const upper = (uint32_t)both[i] - (uint32_t)low[i];
            uint32_t const lower = (uint32_t)low[i] << 8;
            unsigned const shifts = (unsigned)stream[2];
            *code++ = ts_dense_lanes_code((int32_t)upper, is_single, stream[0], stream[1], shifts & 0xFF);
            *code++ = ts_dense_lanes_code((int32_t)lower, is_single, stream[3], stream[4], shifts >> 8);
        }
    }
}

static inline void ts_dense_lanes_single(const struct ts_dense_lanes_work *work) {
    ts_dense_lanes_product(work, 1);
}

static inline void ts_dense_lanes_double(const struct ts_dense_lanes_work *work) {
    ts_dense_lanes_product(work, 0);
}

#endif

static inline void ts_dense_lanes_codes(const struct ts_dense_lanes_work *work) {
    if (TS_ENGINE_REFERENCE == TS_REFERENCE_LITERT) {
        ts_dense_lanes_single(work);
    } else {
        ts_dense_lanes_double(work);
    }
}

static inline void ts_dense_lanes_widen(uint32_t word, int is_signed, int32_t *pair) {
    pair[0] = is_signed ? ts_even_signed(word) : ts_even_bytes(word);
    pair[1] = is_signed ? ts_odd_signed(word) : ts_odd_bytes(word);
}

/* What is left to do to codes that are limited to 0 to 255. */
static inline void ts_dense_lanes_finish(const struct ts_dense_lanes *layer, uint8_t *output) {
    const uint8_t *const end = output + layer->outputs;
    if (layer->clamp_min > 0 || layer->clamp_max < 255) {
        for (uint8_t *code = output; code != end; code++) {
            *code = (uint8_t)ts_clamp(*code, layer->clamp_min, layer->clamp_max);
        }
    }
    if (!layer->is_signed) {
        return;
    }
    for (const uint8_t *const whole = output + (layer->outputs & ~3U); output != whole; output += 4) {
        uint32_t word;
        __builtin_memcpy(&word, output, 4);
        word ^= 0x80808080U;
        __builtin_memcpy(output, &word, 4);
    }
    for (; output != end; output++) {
        *output ^= 0x80;
    }
}

/* input and output must not overlap scratch, which is aligned to four bytes, two of them for each input, filled up to a
 * multiple of four; input is read before output is written. is_signed: the input is int8, else uint8. */
static inline __attribute__((always_inline)) void ts_dense_lanes_run(const struct ts_dense_lanes *layer,
                                                                     int is_signed, const uint8_t *input,
                                                                     uint8_t *output, uint8_t *scratch) {
    int32_t *const pairs = (int32_t *)(void *)scratch;
    int32_t *pair = pairs;
    const uint8_t *const whole = input + (layer->inputs & ~3U);
    for (; input != whole; input += 4, pair += 2) {
        ts_dense_lanes_widen(ts_load_bytes(input, 4), is_signed, pair);
    }
    if (layer->inputs % 4 != 0) {
        ts_dense_lanes_widen(ts_load_bytes(input, layer->inputs % 4), is_signed, pair);
        pair += 2;
    }
    unsigned const outputs = layer->outputs;
    struct ts_dense_lanes_work work = {
        .stream = layer->stream,
        .pairs = pairs,
        .main_end = pairs + (layer->inputs & ~31U) / 2,
        .end = pair,
        .codes = output,
        .codes_end = output + (outputs & ~7U),
    };
    if (outputs >= 8) {
        ts_dense_lanes_codes(&work);
    }
    if (outputs % 8 != 0) {
        uint8_t codes[8];
        /* Of each eight: 8 sums, 4 words of weights for each word of inputs, 20 words of requantisation. */
        work.stream += (outputs / 8) * (28 + 4 * (uint32_t)(pair - pairs));
        work.codes = codes;
        work.codes_end = codes + 8;
        ts_dense_lanes_codes(&work);
        for (unsigned i = 0; i < outputs % 8; i++) {
            output[(outputs & ~7U) + i] = codes[i];
        }
    }
    ts_dense_lanes_finish(layer, output);
}

static __attribute__((noinline, unused)) void ts_dense_lanes_s8(const struct ts_dense_lanes *layer,
                                                                const uint8_t *input, uint8_t *output,
                                                                uint8_t *scratch) {
    ts_dense_lanes_run(layer, 1, input, output, scratch);
}

static __attribute__((noinline, unused)) void ts_dense_lanes_u8(const struct ts_dense_lanes *layer,
                                                                const uint8_t *input, uint8_t *output,
                                                                uint8_t *scratch) {
    ts_dense_lanes_run(layer, 0, input, output, scratch);
}

#endif
