/* A convolution as a product of matrices, on a Cortex-M4 or M7: four output channels by two pixels at a time, weights of
 * one byte, and two multiplications in each instruction.
 *
 * Two rows of weights, A and B, share a word: each 16-bit lane holds 256 * a + b. A dual multiply-accumulate with the
 * word as it stands sums T = 256 * A + B, one with the low bytes alone sums B, and T - B is 256 * A. T and B may leave
 * int32 on the way, where 256 * A does not: the generator proves it for each row.
 *
 * Both pixels' inputs are widened beforehand, in the order in which they are used: for each four inputs the words
 * (0, 2) of both pixels, then (1, 3) of both. The stream of constants stands in that order too. For each block of four
 * output channels (the last one filled up with zeros): T and B to begin with for channels 0 and 1, then for 2 and 3 (SHORT: T alone);
 * for each four inputs the words (0, 2) of channels 0 and 1, of 2 and 3, then (1, 3) of both; and, for each two
 * channels, their requantisation: multiplier and term of the first, both shifts, multiplier and term of the second.
 *
 *   SHORT   that of scaled.h: two instructions, which the generator has proved to give the reference's code for every sum.
 *           The place of the shifts has what is added to 256 * B, the bias among it.
 *   EXACT   the reference's own steps; the term holds its second half and the zero point. */
#ifndef TINYSINE_ENGINE_LANES_H
#define TINYSINE_ENGINE_LANES_H

#include <stdint.h>

#include "engine/bytes.h"
#include "engine/planes.h"
#include "engine/requantize.h"
#include "engine/scaled.h"

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
    uint8_t is_clamped; /* whether the range of int8 is not all that the codes may have */
    uint8_t way;        /* TS_LANES_WINDOWS, TS_LANES_DIRECT, TS_LANES_RGB */
};

/* How the taps of a window are found. */
#define TS_LANES_WINDOWS 0
#define TS_LANES_DIRECT  1 /* each window is one tap of whole words, and each tap is read once */
#define TS_LANES_RGB     2 /* windows of 3 x 3 taps side by side, of three inputs */

/* What a product of matrices works on. The first two taps stand alone, the others come in rounds of 64; the first
 * round starts in the middle, with the pointers as far before as if it had not. */
struct ts_lanes_work {
    const int32_t *stream; /* left behind the blocks that were done */
    const int32_t *pairs;  /* both pixels, widened: one word for each tap */
    const int32_t *end;    /* of them, less TS_LANES_AHEAD */
    uint32_t skipped;      /* bytes of instructions, of the first round */
    int8_t *first;         /* where the codes of the first pixel go */
    uint32_t second;       /* from there to those of the second; 0 where there is none */
    int8_t *first_end;
    uint32_t lead; /* bytes from the first round's beginning to the first tap */
    /* Where codes go to planes: */
    uint32_t group;   /* bytes from four channels to the next */
    uint32_t count;   /* of pairs of pixels, whose inputs follow one another */
    uint32_t step;    /* bytes from one pair's inputs to the next */
    uint32_t to_next; /* from first_end to where the codes of the next pair go, modulo 2^32 */
    uint32_t column;  /* from one pair's codes to the next */
};

#define TS_LANES_ROUND      64U /* taps */
#define TS_LANES_STEP_BYTES 56U /* of instructions, of two taps */
#define TS_LANES_AHEAD      8U  /* bytes; a whole round starts so far before its first tap */

#if defined(__ARM_FEATURE_DSP)

/* One step a line; the formatter would break them anywhere. */
/* clang-format off */

/* Sums: r4, r5 are T of channels 0 and 1 for both pixels, r6, r7 are B; r8 to r11 those of channels 2 and 3. */
#define TS_LANES_SUM \
    "smlad r4, r2, r0, r4\n\tsmlad r5, r2, r1, r5\n\tsmlad r8, r3, r0, r8\n\tsmlad r9, r3, r1, r9\n\t" \
    "sxtb16 r2, r2\n\tsxtb16 r3, r3\n\t" \
    "smlad r6, r2, r0, r6\n\tsmlad r7, r2, r1, r7\n\tsmlad r10, r3, r0, r10\n\tsmlad r11, r3, r1, r11\n\t"

/* Two taps. Loads that follow one another take a cycle each, but for the first. */
#define TS_LANES_TAPS(at, next) \
    "ldr r0, [lr, #" at "]\n\tldr r2, [r12, #" at "]\n\tldr r1, [lr, #" next "]\n\tldr r3, [r12, #" next "]\n\t" \
    TS_LANES_SUM

/* The first and the last two of a round move both pointers on, together by all of it. */
#define TS_LANES_FIRST \
    "ldr r1, [lr, #12]\n\tldr r3, [r12, #12]\n\tldr r0, [lr, #8]!\n\tldr r2, [r12, #8]!\n\t" TS_LANES_SUM
#define TS_LANES_LAST(at, next) \
    "ldr r1, [lr, #" next "]\n\tldr r3, [r12, #" next "]\n\tldr r0, [lr, #" at "]!\n\tldr r2, [r12, #" at "]!\n\t" \
    TS_LANES_SUM

/* It jumps by MOV into the middle of a round: BX could lead to another function, and the stack would have no bound. */
#define TS_LANES_BLOCK(begin, lower) \
    "ldr lr, [sp, #4]\n\tldmia r12!, {" begin "}\n\t" \
    "ldr r0, [lr]\n\tldr r2, [r12]\n\tldr r1, [lr, #4]\n\tldr r3, [r12, #4]\n\t" \
    "smlad r5, r2, r1, r4\n\tsmlad r4, r2, r0, r4\n\tsmlad r9, r3, r1, r8\n\tsmlad r8, r3, r0, r8\n\t" \
    "sxtb16 r2, r2\n\tsxtb16 r3, r3\n\t" lower("r7", "r2", "r1", "r6") lower("r6", "r2", "r0", "r6") \
    lower("r11", "r3", "r1", "r10") lower("r10", "r3", "r0", "r10") \
    "ldr r0, [sp, #28]\n\tldr r1, [sp, #12]\n\tsub r12, r12, r0\n\tsub lr, lr, r0\n\tmov pc, r1\n" \
    "2:\n\t" TS_LANES_FIRST \
    TS_LANES_TAPS("8", "12") TS_LANES_TAPS("16", "20") TS_LANES_TAPS("24", "28") TS_LANES_TAPS("32", "36") \
    TS_LANES_TAPS("40", "44") TS_LANES_TAPS("48", "52") TS_LANES_TAPS("56", "60") TS_LANES_TAPS("64", "68") \
    TS_LANES_TAPS("72", "76") TS_LANES_TAPS("80", "84") TS_LANES_TAPS("88", "92") TS_LANES_TAPS("96", "100") \
    TS_LANES_TAPS("104", "108") TS_LANES_TAPS("112", "116") TS_LANES_TAPS("120", "124") TS_LANES_TAPS("128", "132") \
    TS_LANES_TAPS("136", "140") TS_LANES_TAPS("144", "148") TS_LANES_TAPS("152", "156") TS_LANES_TAPS("160", "164") \
    TS_LANES_TAPS("168", "172") TS_LANES_TAPS("176", "180") TS_LANES_TAPS("184", "188") TS_LANES_TAPS("192", "196") \
    TS_LANES_TAPS("200", "204") TS_LANES_TAPS("208", "212") TS_LANES_TAPS("216", "220") TS_LANES_TAPS("224", "228") \
    TS_LANES_TAPS("232", "236") TS_LANES_TAPS("240", "244") TS_LANES_LAST("248", "252") \
    "ldr r0, [sp, #8]\n\tcmp lr, r0\n\tbne 2b\n\tadd r12, r12, #8\n\t"

/* The first B of a block: with what it begins with, or with nothing. */
#define TS_LANES_ADDED(to, a, b, from) "smlad " to ", " a ", " b ", " from "\n\t"
#define TS_LANES_FROM_0(to, a, b, from) "smuad " to ", " a ", " b "\n\t"
#define TS_LANES_BLOCK_SHORT TS_LANES_BLOCK("r4, r8", TS_LANES_FROM_0)
#define TS_LANES_BLOCK_EXACT TS_LANES_BLOCK("r4, r6, r8, r10", TS_LANES_ADDED)

/* Both channels of two rows: their constants, and what the sums of T and B become. lr is free until the next block. */
#define TS_LANES_SHORT(a0, a1, b0, b1) \
    "ldmia r12!, {r0, r1, r2, r3, lr}\n\t" \
    "sub " a0 ", " a0 ", " b0 "\n\tsub " a1 ", " a1 ", " b1 "\n\t" \
    "add " b0 ", r2, " b0 ", lsl #8\n\tadd " b1 ", r2, " b1 ", lsl #8\n\t" \
    "smmla " a0 ", " a0 ", r0, r1\n\tsmmla " a1 ", " a1 ", r0, r1\n\t" \
    "smmla " b0 ", " b0 ", r3, lr\n\tsmmla " b1 ", " b1 ", r3, lr\n\t" \
    "ssat " a0 ", #8, " a0 ", asr #12\n\tssat " a1 ", #8, " a1 ", asr #12\n\t" \
    "ssat " b0 ", #8, " b0 ", asr #12\n\tssat " b1 ", #8, " b1 ", asr #12\n\t"

#define TS_LANES_ROW_EXACT(x, m, term) \
    "smmulr " x ", " x ", " m "\n\tadd " x ", " x ", " x ", asr #31\n\tadd " x ", " x ", " term "\n\t"
#define TS_LANES_EXACT(a0, a1, b0, b1) \
    "ldmia r12!, {r0, r1, r2, r3, lr}\n\t" \
    "sub " a0 ", " a0 ", " b0 "\n\tsub " a1 ", " a1 ", " b1 "\n\t" \
    "asr " a0 ", " a0 ", #7\n\tasr " a1 ", " a1 ", #7\n\tlsl " b0 ", " b0 ", #1\n\tlsl " b1 ", " b1 ", #1\n\t" \
    TS_LANES_ROW_EXACT(a0, "r0", "r1") TS_LANES_ROW_EXACT(a1, "r0", "r1") \
    TS_LANES_ROW_EXACT(b0, "r3", "lr") TS_LANES_ROW_EXACT(b1, "r3", "lr") \
    "asr " a0 ", " a0 ", r2\n\tasr " a1 ", " a1 ", r2\n\tlsr r2, r2, #8\n\t" \
    "asr " b0 ", " b0 ", r2\n\tasr " b1 ", " b1 ", r2\n\t" \
    "ssat " a0 ", #8, " a0 "\n\tssat " a1 ", #8, " a1 "\n\tssat " b0 ", #8, " b0 "\n\tssat " b1 ", #8, " b1 "\n\t"

#define TS_LANES_STORE \
    "ldr r0, [sp, #16]\n\tldr r1, [sp, #20]\n\tldr r2, [sp, #24]\n\t" \
    "strb r5, [r0, r1]\n\tstrb r4, [r0], #1\n\tstrb r7, [r0, r1]\n\tstrb r6, [r0], #1\n\t" \
    "strb r9, [r0, r1]\n\tstrb r8, [r0], #1\n\tstrb r11, [r0, r1]\n\tstrb r10, [r0], #1\n\t" \
    "str r0, [sp, #16]\n\tcmp r0, r2\n\tbne 1b\n\t"

/* To planes.h; below the others, the stack has the bytes from four channels to the next. */
#define TS_LANES_ENTER_PLANES \
    "add r4, r0, #32\n\tldmia r4, {r1, r2, r3, r4, lr}\n\tpush {r1, r2, r3, r4, lr}\n\t"
#define TS_LANES_STORE_PLANES \
    "ldr r0, [sp, #16]\n\tldr r1, [sp, #20]\n\tldr r2, [sp, #32]\n\tldr r3, [sp, #24]\n\tadd r1, r1, r0\n\t" \
    "strh r4, [r0]\n\tstrh r6, [r0, #4]\n\tstrh r8, [r0, #8]\n\tstrh r10, [r0, #12]\n\t" \
    "strh r5, [r1]\n\tstrh r7, [r1, #4]\n\tstrh r9, [r1, #8]\n\tstrh r11, [r1, #12]\n\t" \
    "add r0, r0, r2\n\tstr r0, [sp, #16]\n\tcmp r0, r3\n\tbne 1b\n\t" \
    "ldr r1, [sp, #36]\n\tldr r2, [sp, #4]\n\tldr r4, [sp, #8]\n\tldr r5, [sp, #40]\n\tldr r6, [sp, #44]\n\t" \
    "ldr r7, [sp, #48]\n\tldr r12, [sp]\n\tsubs r1, r1, #1\n\tstr r1, [sp, #36]\n\tadd r2, r2, r5\n\t" \
    "str r2, [sp, #4]\n\tadd r4, r4, r5\n\tstr r4, [sp, #8]\n\tadd r0, r0, r6\n\tstr r0, [sp, #16]\n\t" \
    "add r3, r3, r7\n\tstr r3, [sp, #24]\n\tldr r12, [r12]\n\tbne 1b\n\t"

/* Block after block. The statement takes every register, so that it stands in a function of its own, and has no other
 * way than the stack to keep what it needs now and then: `work`, but for its stream. */
#define TS_LANES_PRODUCT(name, block, requantize, store, enter, leave) \
    static __attribute__((noinline, unused)) void name(struct ts_lanes_work *work) { \
        register struct ts_lanes_work *ts_work __asm__("r0") = work; \
        __asm__ volatile( \
            "ldmia r0, {r4, r5, r6, r7, r8, r9, r10, r11}\n\tmov r12, r4\n\t" enter \
            "adr.w r1, 2f\n\tadd r7, r7, r1\n\tadd r7, r7, #1\n\t" /* Thumb */ \
            "push {r0, r5, r6, r7, r8, r9, r10, r11}\n" \
            "1:\n\t" block requantize("r4", "r5", "r6", "r7") requantize("r8", "r9", "r10", "r11") \
            store \
            "pop {r0, r5, r6, r7, r8, r9, r10, r11}\n\t" leave "str r12, [r0]\n\t" \
            : "+r"(ts_work) \
            : \
            : "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory"); \
    }
/* clang-format on */
TS_LANES_PRODUCT(ts_lanes_short, TS_LANES_BLOCK_SHORT, TS_LANES_SHORT, TS_LANES_STORE, "", "")
TS_LANES_PRODUCT(ts_lanes_exact, TS_LANES_BLOCK_EXACT, TS_LANES_EXACT, TS_LANES_STORE, "", "")
TS_LANES_PRODUCT(ts_lanes_planes, TS_LANES_BLOCK_SHORT, TS_LANES_SHORT, TS_LANES_STORE_PLANES,
                 TS_LANES_ENTER_PLANES, "add sp, sp, #20\n\t")

/* clang-format off */
/* One pixel, the first of the pair. r4, r8: T of channels 0 and 1, and of 2 and 3; r6, r10: B. r9 and r11: where the taps
 * begin and end. */
#define TS_LANES_ALONE_SHORT(a, b) \
    "ldmia r12!, {r0, r1, r2, r3, r5}\n\tsub " a ", " a ", " b "\n\tadd " b ", r2, " b ", lsl #8\n\t" \
    "smmla " a ", " a ", r0, r1\n\tsmmla " b ", " b ", r3, r5\n\tssat " a ", #8, " a ", asr #12\n\tssat " b ", #8, " b ", asr #12\n\t"

static __attribute__((noinline, unused)) void ts_lanes_alone(struct ts_lanes_work *work) {
    register struct ts_lanes_work *ts_work __asm__("r0") = work;
    __asm__ volatile(
        "ldmia r0, {r4, r5, r6, r7, r8, r9, r10}\n\tmov r12, r4\n\tmov r9, r5\n\tadd r11, r6, #8\n\tpush {r0, r8, r10}\n"
        "1:\n\tmov lr, r9\n\tldmia r12!, {r4, r8}\n\tmov r6, #0\n\tmov r10, #0\n"
        "2:\n\tldr r0, [lr], #16\n\tldr r1, [lr, #-8]\n\tldr r2, [r12], #16\n\tldr r3, [r12, #-12]\n\t"
        "ldr r5, [r12, #-8]\n\tldr r7, [r12, #-4]\n\t"
        "smlad r4, r2, r0, r4\n\tsmlad r8, r3, r0, r8\n\tsmlad r4, r5, r1, r4\n\tsmlad r8, r7, r1, r8\n\t"
        "sxtb16 r2, r2\n\tsxtb16 r3, r3\n\tsxtb16 r5, r5\n\tsxtb16 r7, r7\n\t"
        "smlad r6, r2, r0, r6\n\tsmlad r10, r3, r0, r10\n\tsmlad r6, r5, r1, r6\n\tsmlad r10, r7, r1, r10\n\t"
        "cmp lr, r11\n\tbne 2b\n\t"
        TS_LANES_ALONE_SHORT("r4", "r6") TS_LANES_ALONE_SHORT("r8", "r10")
        "ldr r0, [sp, #4]\n\tldr r1, [sp, #8]\n\tstrb r4, [r0], #1\n\tstrb r6, [r0], #1\n\t"
        "strb r8, [r0], #1\n\tstrb r10, [r0], #1\n\tstr r0, [sp, #4]\n\tcmp r0, r1\n\tbne 1b\n\t"
        "pop {r0, r8, r10}\n\tstr r12, [r0]\n\t"
        : "+r"(ts_work)
        :
        : "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
}
/* clang-format on */

#else

static inline int32_t ts_lanes_mac(int32_t acc, int32_t a, int32_t b) {
    uint32_t const low = (uint32_t)((int16_t)(a & 0xFFFF) * (int16_t)(b & 0xFFFF));
    return (int32_t)((uint32_t)acc + low + (uint32_t)((a >> 16) * (b >> 16)));
}

/* The code of a sum, times 256. */
static inline int8_t ts_lanes_code(int32_t sum, int is_short, int32_t multiplier, int32_t term,
                                   unsigned shift) {
    if (is_short) {
        struct ts_scaled_sum const scale = {multiplier, term, 0};
        return (int8_t)ts_scaled_short(sum, &scale);
    }
    int32_t const high = ts_high_rounded(sum >> 7, multiplier);
    return (int8_t)ts_clamp((high + (high >> 31) + term) >> shift, -128, 127);
}

/* The code of one of the four channels of a block, where they go; or 16 bits of a plane. */
static inline void ts_lanes_keep(const struct ts_lanes_work *work, int8_t *to, unsigned channel,
                                 int8_t code) {
    int16_t const wide = code;
    if (work->group != 0) {
        __builtin_memcpy(to + 4U * channel, &wide, 2);
    } else {
        to[channel] = code;
    }
}

static inline void ts_lanes_product(struct ts_lanes_work *work, int is_short) {
    const int32_t *stream = work->stream;
    for (int8_t *code = work->first; code != work->first_end; code += work->group != 0 ? work->group : 4) {
        int32_t both[2][2];
        int32_t low[2][2];
        for (unsigned rows = 0; rows < 2; rows++) {
            both[rows][0] = both[rows][1] = *stream++;
            low[rows][0] = low[rows][1] = is_short ? 0 : *stream++;
        }
        for (const int32_t *pair = work->pairs; pair != work->end + TS_LANES_AHEAD / 4; pair += 2) {
            for (unsigned rows = 0; rows < 2; rows++, stream++) {
                for (unsigned pixel = 0; pixel < 2; pixel++) {
                    both[rows][pixel] = ts_lanes_mac(both[rows][pixel], *stream, pair[pixel]);
                    low[rows][pixel] =
                        ts_lanes_mac(low[rows][pixel], ts_even_signed((uint32_t)*stream), pair[pixel]);
                }
            }
        }
        for (unsigned rows = 0; rows < 2; rows++, stream += 5) {
            unsigned const shifts = is_short ? 0 : (unsigned)stream[2];
            uint32_t const added = is_short ? (uint32_t)stream[2] : 0;
            for (unsigned pixel = 2; pixel-- > 0;) {
                uint32_t const upper = (uint32_t)both[rows][pixel] - (uint32_t)low[rows][pixel];
                uint32_t const lower = ((uint32_t)low[rows][pixel] << 8) + added;
                int8_t *const to = code + pixel * work->second;
                ts_lanes_keep(work, to, 2 * rows,
                              ts_lanes_code((int32_t)upper, is_short, stream[0], stream[1], shifts & 0xFF));
                ts_lanes_keep(work, to, 2 * rows + 1,
                              ts_lanes_code((int32_t)lower, is_short, stream[3], stream[4], shifts >> 8));
            }
        }
    }
    work->stream = stream;
}

static inline void ts_lanes_short(struct ts_lanes_work *work) {
    ts_lanes_product(work, 1);
}

static inline void ts_lanes_exact(struct ts_lanes_work *work) {
    ts_lanes_product(work, 0);
}

static inline void ts_lanes_planes(struct ts_lanes_work *work) {
    const int32_t *const stream = work->stream;
    for (; work->count > 0; work->count--) {
        work->stream = stream;
        ts_lanes_product(work, 1);
        work->pairs += work->step / 4;
        work->end += work->step / 4;
        work->first = work->first_end + (int32_t)work->to_next;
        work->first_end += work->column;
    }
}

static inline void ts_lanes_alone(struct ts_lanes_work *work) {
    ts_lanes_product(work, 1);
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
    /* Of the taps side by side: those before the image, and those up to its end. All may be beside it. */
    int const room = layer->columns - at->left;
    unsigned const left = at->left < 0 ? (unsigned)-at->left : 0;
    unsigned const before = left < columns ? left : columns;
    unsigned const within = room > (int)before ? (unsigned)room : before;
    unsigned const until = within < columns ? within : columns;
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

static inline __attribute__((always_inline)) void ts_lanes_product_of(struct ts_lanes_work *work,
                                                                      int is_short, int is_alone) {
    if (is_short && is_alone) {
        ts_lanes_alone(work);
    } else if (is_short) {
        ts_lanes_short(work);
    } else {
        ts_lanes_exact(work);
    }
}

/* All output channels of one pixel, or of two whose codes are `apart` bytes. */
static inline __attribute__((always_inline)) void ts_lanes_pixels(const struct ts_lanes *layer, int is_short,
                                                                  struct ts_lanes_work *work, int8_t *output,
                                                                  unsigned apart) {
    unsigned const outputs = layer->outputs;
    work->stream = layer->stream;
    work->first = output;
    work->second = apart;
    work->first_end = output + (outputs & ~3U);
    if (work->first != work->first_end) {
        ts_lanes_product_of(work, is_short, apart == 0);
    }
    if (outputs % 4 != 0) {
        int8_t codes[8];
        work->first = codes;
        work->second = 4;
        work->first_end = codes + 4;
        ts_lanes_product_of(work, is_short, apart == 0);
        ts_lanes_copy(output + apart + (outputs & ~3U), codes + 4, outputs % 4);
        ts_lanes_copy(output + (outputs & ~3U), codes, outputs % 4);
    }
    if (layer->is_clamped) {
        for (int8_t *code = output; code != output + apart + outputs; code++) {
            *code = (int8_t)ts_clamp(*code, layer->clamp_min, layer->clamp_max);
        }
    }
}

/* Where each window is one tap and each tap is read once, windows lie side by side. */
static inline __attribute__((always_inline)) void ts_lanes_run_direct(const struct ts_lanes *layer,
                                                                      int is_short, const int8_t *input,
                                                                      int8_t *output, int32_t *pairs,
                                                                      struct ts_lanes_work *work) {
    unsigned const outputs = layer->outputs;
    unsigned const inputs = layer->inputs;
    for (uint32_t left = layer->pixels; left > 0; left -= 2, input += 2 * inputs, output += 2 * outputs) {
        unsigned const is_last = left == 1;
        ts_lanes_widen(pairs, input, is_last ? input : input + inputs, inputs);
        ts_lanes_pixels(layer, is_short, work, output, is_last ? 0 : outputs);
        if (is_last) {
            return;
        }
    }
}

/* Widen the taps of two windows of 3 rows of 9 bytes: of each row 8, then the last ones of all rows. */
static __attribute__((noinline)) void ts_lanes_widen_rgb(int32_t *pairs, const int8_t *first,
                                                         const int8_t *second, uint32_t pitch) {
    int32_t *const rest = pairs + 24;
    rest[0] = (int32_t)((uint16_t)first[8] | (uint32_t)first[2 * pitch + 8] << 16);
    rest[1] = (int32_t)((uint16_t)second[8] | (uint32_t)second[2 * pitch + 8] << 16);
    rest[2] = (uint16_t)first[pitch + 8];
    rest[3] = (uint16_t)second[pitch + 8];
    for (; pairs != rest; pairs += 8, first += pitch, second += pitch) {
        uint32_t one[2];
        uint32_t other[2];
        __builtin_memcpy(&one[0], first, 4);
        __builtin_memcpy(&one[1], first + 4, 4);
        __builtin_memcpy(&other[0], second, 4);
        __builtin_memcpy(&other[1], second + 4, 4);
        pairs[0] = ts_even_signed(one[0]);
        pairs[1] = ts_even_signed(other[0]);
        pairs[2] = ts_odd_signed(one[0]);
        pairs[3] = ts_odd_signed(other[0]);
        pairs[4] = ts_even_signed(one[1]);
        pairs[5] = ts_even_signed(other[1]);
        pairs[6] = ts_odd_signed(one[1]);
        pairs[7] = ts_odd_signed(other[1]);
    }
}

/* Two outputs of a row at a time. padding: the zero points of one row of taps; windows: room for both. */
static inline __attribute__((always_inline)) void
ts_lanes_run_rgb(const struct ts_lanes *layer, int is_short, const int8_t *input, int8_t *output,
                 int32_t *pairs, const int8_t *padding, int8_t *windows, struct ts_lanes_work *work) {
    unsigned const outputs = layer->outputs;
    int const columns = layer->columns;
    uint32_t const pitch = 3U * layer->columns;
    struct ts_lanes_window row = {.image = input, .top = -(int)layer->rows_before};
    for (uint32_t rows = layer->pixels / layer->output_columns; rows > 0; rows--) {
        int const inside = row.top >= 0 && row.top + 3 <= layer->rows;
        int left = -(int)layer->columns_before;
        const int8_t *const taps = row.image + row.top * (int32_t)pitch;
        for (unsigned x = layer->output_columns; x > 0;) {
            unsigned const count = x > 1 ? 2 : 1;
            int const next = count == 2 ? left + layer->column_stride : left;
            if (inside && left >= 0 && next + 3 <= columns) {
                ts_lanes_widen_rgb(pairs, taps + 3 * left, taps + 3 * next, pitch);
            } else {
                struct ts_lanes_window at = row;
                at.left = left;
                ts_lanes_gather(layer, &at, padding, windows);
                at.left = next;
                ts_lanes_gather(layer, &at, padding, windows + 28);
                ts_lanes_widen_rgb(pairs, windows, windows + 28, 9);
            }
            ts_lanes_pixels(layer, is_short, work, output, count == 2 ? outputs : 0);
            output += count * outputs;
            left = next + layer->column_stride;
            x -= count;
        }
        row.top += layer->row_stride;
        if (++row.row == layer->output_rows) {
            row.row = 0;
            row.top = -(int)layer->rows_before;
            row.image += layer->rows * pitch;
        }
    }
}

static inline void ts_lanes_begin(struct ts_lanes_work *work, const int32_t *pairs, uint32_t taps) {
    uint32_t const skipped = TS_LANES_ROUND - (taps - 2) % TS_LANES_ROUND; /* taps; 2 or more */
    work->skipped = skipped / 2 * TS_LANES_STEP_BYTES;
    work->lead = 4 * (skipped - 2);
    work->pairs = pairs;
    work->end = (const int32_t *)((uintptr_t)(pairs + taps) - TS_LANES_AHEAD);
}

/* input, output and scratch must not overlap; all are aligned to four bytes. scratch: one word for each tap, then
 * two bytes for each tap where a tap is no whole word, then the zero points of one row of taps. */
static inline __attribute__((always_inline)) void ts_lanes_run(const struct ts_lanes *layer, int is_short,
                                                               const int8_t *input, int8_t *output,
                                                               int8_t *scratch) {
    uint32_t const taps = layer->taps;
    unsigned const outputs = layer->outputs;
    int const whole_words = layer->inputs % 4 == 0;
    int32_t *const pairs = (int32_t *)(void *)scratch;
    struct ts_lanes_work work = {.group = 0};
    ts_lanes_begin(&work, pairs, taps);
    if (layer->way == TS_LANES_DIRECT) {
        ts_lanes_run_direct(layer, is_short, input, output, pairs, &work);
        return;
    }
    int8_t *const windows = scratch + 4 * taps;
    int8_t *const padding = windows + (whole_words ? 0 : 2 * taps);
    for (unsigned i = 0; i < (unsigned)layer->kernel_columns * layer->inputs; i++) {
        padding[i] = layer->input_zero_point;
    }
    if (layer->way == TS_LANES_RGB) {
        ts_lanes_run_rgb(layer, is_short, input, output, pairs, padding, windows, &work);
        return;
    }
    if (!whole_words) { /* what is behind the last tap meets weights of zero */
        for (unsigned i = 0; i < 2 * taps; i++) {
            windows[i] = 0;
        }
    }
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
        ts_lanes_pixels(layer, is_short, &work, output, count == 2 ? outputs : 0);
        output += count * outputs;
        at[0] = at[1];
        ts_lanes_next(layer, &at[0]);
    }
}

/* TS_LANES_DIRECT, four channels at a time, to the planes of the depthwise convolution that reads them. scratch: one word
 * for each tap; or 0, where the input is widened already. */
static inline __attribute__((always_inline)) void ts_lanes_run_planes(const struct ts_lanes *layer,
                                                                      const struct ts_planes *planes,
                                                                      const int8_t *input, int8_t *output,
                                                                      int8_t *scratch) {
    int32_t *const pairs = (int32_t *)(void *)scratch;
    uint32_t const group = ts_planes_group(planes);
    unsigned const inputs = layer->inputs;
    struct ts_lanes_work work = {
        .second = ts_planes_apart(planes),
        .group = group,
        .step = 4 * inputs,
        .column = ts_planes_column(planes),
        .to_next = ts_planes_column(planes) - planes->groups * group,
    };
    ts_planes_pad(planes, (uint8_t *)output);
    for (uint32_t y = 0; y < planes->rows; y++) {
        int8_t *to = (int8_t *)ts_planes_row(planes, (uint8_t *)output, y);
        unsigned const at_once = scratch != 0 ? 1 : planes->columns / 2U;
        for (unsigned x = 0; x < planes->columns; x += 2 * at_once, to += at_once * work.column) {
            const int8_t *wide = input;
            if (scratch != 0) {
                ts_lanes_widen(pairs, input, input + inputs, inputs);
                wide = scratch;
            }
            input += (scratch != 0 ? 2 : 4) * at_once * inputs;
            ts_lanes_begin(&work, (const int32_t *)(const void *)wide, layer->taps);
            work.stream = layer->stream;
            work.first = to;
            work.first_end = to + planes->groups * group;
            work.count = at_once;
            ts_lanes_planes(&work);
        }
    }
}

static __attribute__((noinline, unused)) void ts_lanes_planes_s8(const struct ts_lanes *layer,
                                                                 const struct ts_planes *planes,
                                                                 const int8_t *input, int8_t *output,
                                                                 int8_t *scratch) {
    ts_lanes_run_planes(layer, planes, input, output, scratch);
}

/* The same from pairs of pixels that are widened already: for each pair one word for each tap. */
static __attribute__((noinline, unused)) void ts_lanes_pairs_planes_s8(const struct ts_lanes *layer,
                                                                       const struct ts_planes *planes,
                                                                       const int8_t *input, int8_t *output) {
    ts_lanes_run_planes(layer, planes, input, output, 0);
}

/* ... to bytes. The channels are a multiple of four, the pixels of two. */
static __attribute__((noinline, unused)) void ts_lanes_pairs_s8(const struct ts_lanes *layer,
                                                                const int8_t *input, int8_t *output) {
    struct ts_lanes_work work = {.second = layer->outputs, .group = 0};
    for (uint32_t left = layer->pixels; left > 0; left -= 2, input += 4U * layer->inputs) {
        ts_lanes_begin(&work, (const int32_t *)(const void *)input, layer->taps);
        work.stream = layer->stream;
        work.first = output;
        work.first_end = output + layer->outputs;
        ts_lanes_short(&work);
        output += 2U * layer->outputs;
    }
}

static __attribute__((noinline, unused)) void
ts_lanes_short_s8(const struct ts_lanes *layer, const int8_t *input, int8_t *output, int8_t *scratch) {
    ts_lanes_run(layer, 1, input, output, scratch);
}

static __attribute__((noinline, unused)) void
ts_lanes_exact_s8(const struct ts_lanes *layer, const int8_t *input, int8_t *output, int8_t *scratch) {
    ts_lanes_run(layer, 0, input, output, scratch);
}

#endif
