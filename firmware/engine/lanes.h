/* A convolution as a product of matrices, on a Cortex-M4 or M7: four output channels by two pixels at a time, weights of
 * one byte, and two multiplications in each instruction.
 *
 * Two rows of weights, A and B, share a word: each 16-bit lane holds 256 * a + b. A dual multiply-accumulate with the
 * word as it stands sums T = 256 * A + B, one with the low bytes alone sums B, and T - B is 256 * A. T and B may leave
 * int32 on the way, where 256 * A does not: the generator proves it for each row.
 *
 * Both pixels' inputs are widened beforehand, in the order in which they are used: for each four inputs the words
 * (0, 2) of both pixels, then (1, 3) of both. The stream of constants stands in that order too. For each block of four
 * output channels (the last one filled up with zeros): T and B to begin with for channels 0 and 1, then for 2 and 3;
 * for each four inputs the words (0, 2) of channels 0 and 1, of 2 and 3, then (1, 3) of both; and, for each two
 * channels, their requantisation: multiplier and term of the first, both shifts, multiplier and term of the second.
 *
 *   FAST    (high word of 256 * acc * multiplier, plus term) >> shift: two instructions, which the generator has proved
 *           to give the reference's code for every sum.
 *   EXACT   the reference's own steps; the term holds its second half and the zero point. */
#ifndef TINYSINE_ENGINE_LANES_H
#define TINYSINE_ENGINE_LANES_H

#include <stdint.h>

#include "engine/bytes.h"
#include "engine/requantize.h"

struct ts_lanes {
    const int32_t *stream;
    uint32_t pixels;  /* of the output, of all images */
    uint32_t taps;    /* of one output, filled up to a multiple of four */
    uint16_t outputs; /* channels */
    uint16_t rows;
    uint16_t columns;
    uint16_t inputs;
    uint16_t output_rows;
    uint16_t output_columns;
    uint16_t rows_before; /* of padding, before the first row of the image */
    uint16_t columns_before;
    uint8_t kernel_rows;
    uint8_t kernel_columns;
    uint8_t row_stride;
    uint8_t column_stride;
    uint8_t row_dilation;
    uint8_t column_dilation;
    int8_t input_zero_point;
    int8_t clamp_min;
    int8_t clamp_max;
};

/* What a product of matrices works on. */
struct ts_lanes_work {
    const int32_t *stream; /* left behind the blocks that were done */
    const int32_t *pairs;  /* both pixels, widened: one word for each tap */
    const int32_t *main_end;
    const int32_t *end;
    int8_t *first;  /* where the codes of the first pixel go */
    int8_t *second; /* ... and of the second, may be the same */
    int8_t *first_end;
};

#if defined(__ARM_FEATURE_DSP)

/* Sums: r4, r5 are T of channels 0 and 1 for both pixels, r6, r7 are B; r8 to r11 those of channels 2 and 3. */
#define TS_LANES_SUM                                                                                         \
    "smlad r4, r2, r0, r4\n\tsmlad r5, r2, r1, r5\n\tsmlad r8, r3, r0, r8\n\tsmlad r9, r3, r1, r9\n\t"       \
    "sxtb16 r2, r2\n\tsxtb16 r3, r3\n\t"                                                                     \
    "smlad r6, r2, r0, r6\n\tsmlad r7, r2, r1, r7\n\tsmlad r10, r3, r0, r10\n\tsmlad r11, r3, r1, r11\n\t"

/* Two taps. Loads that follow one another take a cycle each, but for the first. */
#define TS_LANES_TAPS(at, next)                                                                              \
    "ldr r0, [lr, #" at "]\n\tldr r2, [r12, #" at "]\n\tldr r1, [lr, #" next "]\n\tldr r3, [r12, #" next     \
    "]\n\t" TS_LANES_SUM

/* The last two, which move both pointers on. */
#define TS_LANES_LAST(step)                                                                                  \
    "ldr r1, [lr, #4]\n\tldr r3, [r12, #4]\n\tldr r0, [lr], #" step "\n\tldr r2, [r12], #" step              \
    "\n\t" TS_LANES_SUM

#define TS_LANES_BLOCK                                                                                       \
    "ldr lr, [sp, #4]\n\tldr r0, [sp, #8]\n\tldmia r12!, {r4, r6, r8, r10}\n\t"                              \
    "mov r5, r4\n\tmov r7, r6\n\tmov r9, r8\n\tmov r11, r10\n\tcmp lr, r0\n\tbeq 3f\n"                       \
    "2:\n\t" TS_LANES_TAPS("56", "60") TS_LANES_TAPS("48", "52") TS_LANES_TAPS("40", "44")                   \
        TS_LANES_TAPS("32", "36") TS_LANES_TAPS("24", "28") TS_LANES_TAPS("16", "20")                        \
            TS_LANES_TAPS("8", "12")                                                                         \
                TS_LANES_LAST("64") "ldr r0, [sp, #8]\n\tcmp lr, r0\n\tbne 2b\n"                             \
                                    "3:\n\tldr r0, [sp, #12]\n\tcmp lr, r0\n\tbeq 5f\n"                      \
                                    "4:\n\t" TS_LANES_TAPS("8", "12")                                        \
                                        TS_LANES_LAST("16") "ldr r0, [sp, #12]\n\tcmp lr, r0\n\tbne 4b\n"    \
                                                            "5:\n\t"

/* Both channels of two rows: their constants, and what the sums of T and B become. lr is free until the next block. */
#define TS_LANES_TWO(a0, a1, b0, b1, upper, lower, row)                                                      \
    "ldmia r12!, {r0, r1, r2, r3, lr}\n\t"                                                                   \
    "sub " a0 ", " a0 ", " b0 "\n\tsub " a1 ", " a1 ", " b1 "\n\t" upper(a0) upper(a1) lower(b0) lower(b1)   \
        row(a0, "r0", "r1") row(a1, "r0", "r1") row(b0, "r3", "lr")                                          \
            row(b1, "r3", "lr") "asr " a0 ", " a0 ", r2\n\tasr " a1 ", " a1 ", r2\n\tlsr r2, r2, #8\n\t"     \
                                "asr " b0 ", " b0 ", r2\n\tasr " b1 ", " b1 ", r2\n\t"                       \
                                "ssat " a0 ", #8, " a0 "\n\tssat " a1 ", #8, " a1 "\n\tssat " b0 ", #8, " b0 \
                                "\n\tssat " b1 ", #8, " b1 "\n\t"

#define TS_LANES_AS_IS(x)             ""
#define TS_LANES_TIMES_256(x)         "lsl " x ", " x ", #8\n\t"
#define TS_LANES_ROW_FAST(x, m, term) "smmla " x ", " x ", " m ", " term "\n\t"
#define TS_LANES_FAST(a0, a1, b0, b1)                                                                        \
    TS_LANES_TWO(a0, a1, b0, b1, TS_LANES_AS_IS, TS_LANES_TIMES_256, TS_LANES_ROW_FAST)

#define TS_LANES_BY_128(x)  "asr " x ", " x ", #7\n\t"
#define TS_LANES_DOUBLED(x) "lsl " x ", " x ", #1\n\t"
#define TS_LANES_ROW_EXACT(x, m, term)                                                                       \
    "smmulr " x ", " x ", " m "\n\tadd " x ", " x ", " x ", asr #31\n\tadd " x ", " x ", " term "\n\t"
#define TS_LANES_EXACT(a0, a1, b0, b1)                                                                       \
    TS_LANES_TWO(a0, a1, b0, b1, TS_LANES_BY_128, TS_LANES_DOUBLED, TS_LANES_ROW_EXACT)

#define TS_LANES_STORE                                                                                       \
    "ldr r0, [sp, #16]\n\tldr r1, [sp, #20]\n\tldr r2, [sp, #24]\n\t"                                        \
    "strb r4, [r0], #1\n\tstrb r6, [r0], #1\n\tstrb r8, [r0], #1\n\tstrb r10, [r0], #1\n\t"                  \
    "strb r5, [r1], #1\n\tstrb r7, [r1], #1\n\tstrb r9, [r1], #1\n\tstrb r11, [r1], #1\n\t"                  \
    "str r0, [sp, #16]\n\tstr r1, [sp, #20]\n\tcmp r0, r2\n\tbne 1b\n\t"

/* Block after block. The statement takes every register, so that it stands in a function of its own, and has no other
 * way than the stack to keep what it needs now and then: `work`, but for its stream. */
#define TS_LANES_PRODUCT(name, requantize)                                                                   \
    static __attribute__((noinline, unused)) void name(struct ts_lanes_work *work) {                         \
        register struct ts_lanes_work *ts_work __asm__("r0") = work;                                         \
        __asm__ volatile("ldmia r0, {r4, r5, r6, r7, r8, r9, r10}\n\tmov r12, r4\n\t"                        \
                         "push {r0, r5, r6, r7, r8, r9, r10}\n"                                              \
                         "1:\n\t" TS_LANES_BLOCK requantize("r4", "r5", "r6", "r7")                          \
                             requantize("r8", "r9", "r10", "r11") TS_LANES_STORE                             \
                         "pop {r0, r5, r6, r7, r8, r9, r10}\n\tstr r12, [r0]\n\t"                            \
                         : "+r"(ts_work)                                                                     \
                         :                                                                                   \
                         : "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr",  \
                           "cc", "memory");                                                                  \
    }
TS_LANES_PRODUCT(ts_lanes_fast, TS_LANES_FAST)
TS_LANES_PRODUCT(ts_lanes_exact, TS_LANES_EXACT)

#else

static inline int32_t ts_lanes_mac(int32_t acc, int32_t a, int32_t b) {
    uint32_t const low = (uint32_t)((int16_t)(a & 0xFFFF) * (int16_t)(b & 0xFFFF));
    return (int32_t)((uint32_t)acc + low + (uint32_t)((a >> 16) * (b >> 16)));
}

/* The code of a sum, times 256. */
static inline int8_t ts_lanes_code(int32_t sum, int is_fast, int32_t multiplier, int32_t term,
                                   unsigned shift) {
    int32_t scaled;
    if (is_fast) {
        scaled = (int32_t)(((int64_t)sum * multiplier) >> 32) + term;
    } else {
        int32_t const high = ts_high_rounded(sum >> 7, multiplier);
        scaled = high + (high >> 31) + term;
    }
    return (int8_t)ts_clamp(scaled >> shift, -128, 127);
}

static inline void ts_lanes_product(struct ts_lanes_work *work, int is_fast) {
    const int32_t *stream = work->stream;
    int8_t *codes[2] = {work->first, work->second};
    while (codes[0] != work->first_end) {
        int32_t both[2][2] = {{stream[0], stream[0]}, {stream[2], stream[2]}};
        int32_t low[2][2] = {{stream[1], stream[1]}, {stream[3], stream[3]}};
        stream += 4;
        for (const int32_t *pair = work->pairs; pair != work->end; pair += 2) {
            for (unsigned rows = 0; rows < 2; rows++, stream++) {
                for (unsigned pixel = 0; pixel < 2; pixel++) {
                    both[rows][pixel] = ts_lanes_mac(both[rows][pixel], *stream, pair[pixel]);
                    low[rows][pixel] =
                        ts_lanes_mac(low[rows][pixel], ts_even_signed((uint32_t)*stream), pair[pixel]);
                }
            }
        }
        for (unsigned rows = 0; rows < 2; rows++, stream += 5) {
            for (unsigned pixel = 0; pixel < 2; pixel++) {
                uint32_t const upper = (uint32_t)both[rows][pixel] - (uint32_t)low[rows][pixel];
                uint32_t const lower = (uint32_t)low[rows][pixel] << 8;
                unsigned const shifts = (unsigned)stream[2];
                *codes[pixel]++ = ts_lanes_code((int32_t)upper, is_fast, stream[0], stream[1], shifts & 0xFF);
                *codes[pixel]++ = ts_lanes_code((int32_t)lower, is_fast, stream[3], stream[4], shifts >> 8);
            }
        }
    }
    work->stream = stream;
}

static inline void ts_lanes_fast(struct ts_lanes_work *work) {
    ts_lanes_product(work, 1);
}

static inline void ts_lanes_exact(struct ts_lanes_work *work) {
    ts_lanes_product(work, 0);
}

#endif

/* Where one output looks: the first row and column of its window, negative in the padding. */
struct ts_lanes_window {
    const int8_t *image;
    int top;
    int left;
    unsigned row; /* of the output */
    unsigned column;
};

static inline void ts_lanes_next(const struct ts_lanes *layer, struct ts_lanes_window *at) {
    at->left += layer->column_stride;
    if (++at->column < layer->output_columns) {
        return;
    }
    at->column = 0;
    at->left = -(int)layer->columns_before;
    at->top += layer->row_stride;
    if (++at->row < layer->output_rows) {
        return;
    }
    at->row = 0;
    at->top = -(int)layer->rows_before;
    at->image += (uint32_t)layer->rows * layer->columns * layer->inputs;
}

#if defined(__ARM_FEATURE_DSP)
/* Eight taps of two pixels. */
#define TS_LANES_WIDEN_EIGHT                                                                                 \
    __asm__("ldmia %[first]!, {r6, r10}\n\tldmia %[second]!, {r7, r11}\n\t"                                  \
            "sxtb16 r4, r6\n\tsxtb16 r5, r7\n\tsxtb16 r6, r6, ror #8\n\tsxtb16 r7, r7, ror #8\n\t"           \
            "sxtb16 r8, r10\n\tsxtb16 r9, r11\n\tsxtb16 r10, r10, ror #8\n\tsxtb16 r11, r11, ror #8\n\t"     \
            "stmia %[pairs]!, {r4, r5, r6, r7, r8, r9, r10, r11}\n\t"                                        \
            : [first] "+&r"(first), [second] "+&r"(second), [pairs] "+&r"(pairs)                             \
            :                                                                                                \
            : "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "memory")
#endif

/* Widen the same taps of two pixels; count is a multiple of four, and the pointers are aligned to four bytes. This and
 * the copy below are functions of their own, so that their loops have the registers to themselves. */
static __attribute__((noinline)) int32_t *ts_lanes_widen(int32_t *pairs, const int8_t *first,
                                                         const int8_t *second, unsigned count) {
    const int8_t *const end = first + count;
#if defined(__ARM_FEATURE_DSP)
    for (const int8_t *const whole = first + (count & ~7U); first != whole;) {
        TS_LANES_WIDEN_EIGHT;
    }
#endif
    for (; first != end; first += 4, second += 4, pairs += 4) {
        uint32_t one;
        uint32_t other;
        __builtin_memcpy(&one, __builtin_assume_aligned(first, 4), 4);
        __builtin_memcpy(&other, __builtin_assume_aligned(second, 4), 4);
        pairs[0] = ts_even_signed(one);
        pairs[1] = ts_even_signed(other);
        pairs[2] = ts_odd_signed(one);
        pairs[3] = ts_odd_signed(other);
    }
    return pairs;
}

/* Where the taps of a window's row begin in the image; meaningless where they are in the padding. */
static inline int32_t ts_lanes_offset(const struct ts_lanes *layer, const struct ts_lanes_window *at,
                                      int row) {
    return ((int32_t)row * layer->columns + at->left) * layer->inputs;
}

static inline int ts_lanes_outside(int at, unsigned size) {
    return at < 0 || (unsigned)at >= size;
}

static inline int ts_lanes_whole(const struct ts_lanes *layer, const struct ts_lanes_window *at) {
    return layer->column_dilation == 1 && at->left >= 0 && at->left + layer->kernel_columns <= layer->columns;
}

/* Whether a window is all runs of taps within the image. */
static inline int ts_lanes_inside(const struct ts_lanes *layer, const struct ts_lanes_window *at) {
    return ts_lanes_whole(layer, at) && at->top >= 0 &&
           at->top + (layer->kernel_rows - 1) * layer->row_dilation < layer->rows;
}

/* Widen two windows whose taps are whole words. padding: the zero points of one row of taps. */
static void ts_lanes_widen_windows(const struct ts_lanes *layer, const struct ts_lanes_window *at,
                                   const int8_t *padding, int32_t *pairs) {
    unsigned const inputs = layer->inputs;
    unsigned const columns = layer->kernel_columns;
    if (ts_lanes_inside(layer, &at[0]) && ts_lanes_inside(layer, &at[1])) {
        uint32_t const next_row = (uint32_t)layer->row_dilation * layer->columns * inputs;
        const int8_t *first = at[0].image + ts_lanes_offset(layer, &at[0], at[0].top);
        const int8_t *second = at[1].image + ts_lanes_offset(layer, &at[1], at[1].top);
        for (unsigned y = layer->kernel_rows;; first += next_row, second += next_row) {
            pairs = ts_lanes_widen(pairs, first, second, columns * inputs);
            if (--y == 0) {
                return;
            }
        }
    }
    int const whole = ts_lanes_whole(layer, &at[0]) && ts_lanes_whole(layer, &at[1]);
    int step = 0;
    for (unsigned y = layer->kernel_rows; y > 0; y--, step += layer->row_dilation) {
        const int8_t *source[2];
        int outside[2];
        for (unsigned i = 0; i < 2; i++) {
            outside[i] = ts_lanes_outside(at[i].top + step, layer->rows);
            source[i] = outside[i] ? padding : at[i].image + ts_lanes_offset(layer, &at[i], at[i].top + step);
        }
        if (whole || (outside[0] && outside[1])) {
            pairs = ts_lanes_widen(pairs, source[0], source[1], columns * inputs);
            continue;
        }
        int side = 0;
        for (unsigned x = columns; x > 0; x--, side += layer->column_dilation) {
            const int8_t *tap[2];
            for (unsigned i = 0; i < 2; i++) {
                int const out = outside[i] || ts_lanes_outside(at[i].left + side, layer->columns);
                tap[i] = out ? padding : source[i] + side * (int)inputs;
            }
            pairs = ts_lanes_widen(pairs, tap[0], tap[1], inputs);
        }
    }
}

static __attribute__((noinline)) int8_t *ts_lanes_copy(int8_t *to, const int8_t *from, unsigned count) {
    const int8_t *const end = from + count;
    for (const int8_t *const whole = from + (count & ~3U); from != whole; from += 4, to += 4) {
        uint32_t word;
        __builtin_memcpy(&word, from, 4);
        __builtin_memcpy(to, &word, 4);
    }
    while (from != end) {
        *to++ = *from++;
    }
    return to;
}

/* Copy one window, its zero points too, tap after tap. padding: the zero points of one row of taps. */
static void ts_lanes_gather(const struct ts_lanes *layer, const struct ts_lanes_window *at,
                            const int8_t *padding, int8_t *to) {
    unsigned const inputs = layer->inputs;
    unsigned const columns = layer->kernel_columns;
    if (ts_lanes_inside(layer, at)) {
        uint32_t const next_row = (uint32_t)layer->row_dilation * layer->columns * inputs;
        const int8_t *source = at->image + ts_lanes_offset(layer, at, at->top);
        for (unsigned y = layer->kernel_rows;; source += next_row) {
            to = ts_lanes_copy(to, source, columns * inputs);
            if (--y == 0) {
                return;
            }
        }
    }
    int const whole = ts_lanes_whole(layer, at);
    /* Of the taps side by side: those before the image, and those up to its end. */
    unsigned const before = at->left < 0 ? (unsigned)-at->left : 0;
    unsigned const room = (unsigned)(layer->columns - at->left);
    unsigned const until = room < columns ? room : columns;
    int row = at->top;
    for (unsigned y = layer->kernel_rows; y > 0; y--, row += layer->row_dilation) {
        int const outside = ts_lanes_outside(row, layer->rows);
        const int8_t *const source = outside ? padding : at->image + ts_lanes_offset(layer, at, row);
        if (whole || outside) {
            to = ts_lanes_copy(to, source, columns * inputs);
            continue;
        }
        if (layer->column_dilation == 1) {
            to = ts_lanes_copy(to, padding, before * inputs);
            to = ts_lanes_copy(to, source + before * inputs, (until - before) * inputs);
            to = ts_lanes_copy(to, padding, (columns - until) * inputs);
            continue;
        }
        int side = 0;
        for (unsigned x = columns; x > 0; x--, side += layer->column_dilation) {
            int const out = ts_lanes_outside(at->left + side, layer->columns);
            to = ts_lanes_copy(to, out ? padding : source + side * (int)inputs, inputs);
        }
    }
}

static inline void ts_lanes_product_of(struct ts_lanes_work *work, int is_fast) {
    if (is_fast) {
        ts_lanes_fast(work);
    } else {
        ts_lanes_exact(work);
    }
}

/* input, output and scratch must not overlap; all are aligned to four bytes. scratch: one word for each tap, then
 * two bytes for each tap where a tap is no whole word, then the zero points of one row of taps. */
static inline __attribute__((always_inline)) void ts_lanes_run(const struct ts_lanes *layer, int is_fast,
                                                               const int8_t *input, int8_t *output,
                                                               int8_t *scratch) {
    uint32_t const taps = layer->taps;
    unsigned const outputs = layer->outputs;
    int const whole_words = layer->inputs % 4 == 0;
    int32_t *const pairs = (int32_t *)(void *)scratch;
    int8_t *const windows = scratch + 4 * taps;
    int8_t *const padding = windows + (whole_words ? 0 : 2 * taps);
    for (unsigned i = 0; i < (unsigned)layer->kernel_columns * layer->inputs; i++) {
        padding[i] = layer->input_zero_point;
    }
    if (!whole_words) { /* what is behind the last tap meets weights of zero */
        for (unsigned i = 0; i < 2 * taps; i++) {
            windows[i] = 0;
        }
    }
    struct ts_lanes_work work = {.pairs = pairs, .main_end = pairs + (taps & ~15U), .end = pairs + taps};
    struct ts_lanes_window at[2] = {
        {.image = input, .top = -(int)layer->rows_before, .left = -(int)layer->columns_before}};
    for (uint32_t left = layer->pixels; left > 0;) {
        unsigned const count = left > 1 ? 2 : 1;
        left -= count;
        at[1] = at[0];
        if (count == 2) {
            ts_lanes_next(layer, &at[1]);
        }
        if (whole_words) {
            ts_lanes_widen_windows(layer, at, padding, pairs);
        } else {
            ts_lanes_gather(layer, &at[0], padding, windows);
            ts_lanes_gather(layer, &at[1], padding, windows + taps);
            ts_lanes_widen(pairs, windows, windows + taps, taps);
        }
        int8_t *const second = output + (count == 2 ? outputs : 0);
        work.stream = layer->stream;
        work.first = output;
        work.second = second;
        work.first_end = output + (outputs & ~3U);
        if (work.first != work.first_end) {
            ts_lanes_product_of(&work, is_fast);
        }
        if (outputs % 4 != 0) {
            int8_t codes[8];
            work.first = codes;
            work.second = codes + 4;
            work.first_end = codes + 4;
            ts_lanes_product_of(&work, is_fast);
            ts_lanes_copy(output + (outputs & ~3U), codes, outputs % 4);
            ts_lanes_copy(second + (outputs & ~3U), codes + (count == 2 ? 4 : 0), outputs % 4);
        }
        if (layer->clamp_min > -128 || layer->clamp_max < 127) {
            for (int8_t *code = output; code != second + outputs; code++) {
                *code = (int8_t)ts_clamp(*code, layer->clamp_min, layer->clamp_max);
            }
        }
        output = second + outputs;
        at[0] = at[1];
        ts_lanes_next(layer, &at[0]);
    }
}

static __attribute__((noinline, unused)) void
ts_lanes_fast_s8(const struct ts_lanes *layer, const int8_t *input, int8_t *output, int8_t *scratch) {
    ts_lanes_run(layer, 1, input, output, scratch);
}

static __attribute__((noinline, unused)) void
ts_lanes_exact_s8(const struct ts_lanes *layer, const int8_t *input, int8_t *output, int8_t *scratch) {
    ts_lanes_run(layer, 0, input, output, scratch);
}

#endif
