/* The products of winograd.h at all positions of four tiles: sums over the input channels, for two output channels.
 *
 * Working memory, in planes of four words for each position: one plane for each two input channels, a word for each tile;
 * behind them two planes for the sums, one for each output channel. The stream of weights stands in the order of its use:
 * each position, each plane of the inputs, the words of both output channels. */
#ifndef TINYSINE_ENGINE_WINOGRAD_PRODUCTS_H
#define TINYSINE_ENGINE_WINOGRAD_PRODUCTS_H

#include <stdint.h>

#include "engine/bytes.h"

/* Two output channels at all positions. */
struct ts_winograd_work {
    const int32_t *stream; /* left behind what was used */
    int32_t *planes;
    int32_t *sums; /* behind the planes of the inputs */
    uint32_t back; /* bytes from the sums of a position to the planes of the next one */
    int32_t *last; /* behind the first plane of sums */
};

#if defined(__ARM_FEATURE_DSP)

/* One word of both channels and four tiles, at an offset in the stream and in the planes. r4 to r7 are the sums of the
 * first channel, r8 to r11 those of the second. Loads that follow one another take a cycle each, but for the first. */
#define TS_WINOGRAD_PAIR_OF(at, next, a0, a1, a2, a3, multiply)                                              \
    "ldr r0, [r12, #" at "]\n\tldr r1, [r12, #" next "]\n\tldr r2, [lr, #" a0 "]\n\tldr r3, [lr, #" a1       \
    "]\n\t" multiply("r4", "r0", "r2") multiply("r5", "r0", "r3") multiply("r8", "r1", "r2")                 \
        multiply("r9", "r1", "r3") "ldr r2, [lr, #" a2 "]\n\tldr r3, [lr, #" a3                              \
                                   "]\n\t" multiply("r6", "r0", "r2") multiply("r7", "r0", "r3")             \
                                       multiply("r10", "r1", "r2") multiply("r11", "r1", "r3")

#define TS_WINOGRAD_ADD(sum, a, b)   "smlad " sum ", " a ", " b ", " sum "\n\t"
#define TS_WINOGRAD_FIRST(sum, a, b) "smuad " sum ", " a ", " b "\n\t"

/* The planes of a 6 x 6 patch are 576 bytes apart, those of a 4 x 4 patch 256. */
#define TS_WINOGRAD_4X4_PAIR_0(multiply) TS_WINOGRAD_PAIR_OF("0", "4", "0", "4", "8", "12", multiply)
#define TS_WINOGRAD_4X4_PAIR_1 TS_WINOGRAD_PAIR_OF("8", "12", "576", "580", "584", "588", TS_WINOGRAD_ADD)
#define TS_WINOGRAD_4X4_SIX                                                                                  \
    TS_WINOGRAD_PAIR_OF("16", "20", "1152", "1156", "1160", "1164", TS_WINOGRAD_ADD)                         \
    TS_WINOGRAD_PAIR_OF("24", "28", "1728", "1732", "1736", "1740", TS_WINOGRAD_ADD)                         \
    TS_WINOGRAD_PAIR_OF("32", "36", "2304", "2308", "2312", "2316", TS_WINOGRAD_ADD)                         \
    TS_WINOGRAD_PAIR_OF("40", "44", "2880", "2884", "2888", "2892", TS_WINOGRAD_ADD)                         \
    TS_WINOGRAD_PAIR_OF("48", "52", "3456", "3460", "3464", "3468", TS_WINOGRAD_ADD)                         \
    TS_WINOGRAD_PAIR_OF("56", "60", "4032", "4036", "4040", "4044", TS_WINOGRAD_ADD)
#define TS_WINOGRAD_2X2_PAIR_0(multiply) TS_WINOGRAD_PAIR_OF("0", "4", "0", "4", "8", "12", multiply)
#define TS_WINOGRAD_2X2_PAIR_1 TS_WINOGRAD_PAIR_OF("8", "12", "256", "260", "264", "268", TS_WINOGRAD_ADD)
#define TS_WINOGRAD_2X2_SIX                                                                                  \
    TS_WINOGRAD_PAIR_OF("16", "20", "512", "516", "520", "524", TS_WINOGRAD_ADD)                             \
    TS_WINOGRAD_PAIR_OF("24", "28", "768", "772", "776", "780", TS_WINOGRAD_ADD)                             \
    TS_WINOGRAD_PAIR_OF("32", "36", "1024", "1028", "1032", "1036", TS_WINOGRAD_ADD)                         \
    TS_WINOGRAD_PAIR_OF("40", "44", "1280", "1284", "1288", "1292", TS_WINOGRAD_ADD)                         \
    TS_WINOGRAD_PAIR_OF("48", "52", "1536", "1540", "1544", "1548", TS_WINOGRAD_ADD)                         \
    TS_WINOGRAD_PAIR_OF("56", "60", "1792", "1796", "1800", "1804", TS_WINOGRAD_ADD)

/* Eight planes at a time, the first of which begins the sums: where they are a multiple of eight. */
#define TS_WINOGRAD_EIGHTS(pair_0, pair_1, six, step_2, step_8)                                              \
    "1:\n\t" pair_0(TS_WINOGRAD_FIRST) "2:\n\t" pair_1 six "add lr, lr, #" step_8                            \
                                       "\n\tadd r12, r12, #64\n\t"                                           \
                                       "ldr r0, [sp, #4]\n\tldr r1, [sp, #8]\n\tldr r2, [sp, #12]\n\tcmp "   \
                                       "lr, r0\n\tbne 3f\n\t"
#define TS_WINOGRAD_EIGHTS_REST(pair_0) "b 4f\n3:\n\t" pair_0(TS_WINOGRAD_ADD) "b 2b\n4:\n\t"

/* Two planes at a time. */
#define TS_WINOGRAD_TWOS(pair_0, pair_1, six, step_2, step_8)                                                \
    "1:\n\tmov r4, #0\n\tmov r5, #0\n\tmov r6, #0\n\tmov r7, #0\n\tmov r8, #0\n\tmov r9, #0\n\t"             \
    "mov r10, #0\n\tmov r11, #0\n2:\n\t" pair_0(TS_WINOGRAD_ADD) pair_1                                      \
        "add lr, lr, #" step_2 "\n\tadd r12, r12, #16\n\t"                                                   \
        "ldr r0, [sp, #4]\n\tldr r1, [sp, #8]\n\tldr r2, [sp, #12]\n\tcmp lr, r0\n\tbne 2b\n\t"
#define TS_WINOGRAD_TWOS_REST(pair_0) ""

/* Position after position. lr reaches the planes of the sums behind the last plane of the inputs. The statement takes
 * every register, so that it stands in a function of its own. */
#define TS_WINOGRAD_PRODUCT(name, planes, pair_0, pair_1, six, step_2, step_8, s0, s1, s2, s3)               \
    static __attribute__((noinline, unused)) void name(struct ts_winograd_work *work) {                      \
        register struct ts_winograd_work *ts_work __asm__("r0") = work;                                      \
        __asm__ volatile(                                                                                    \
            "ldmia r0, {r4, r5, r6, r7, r8}\n\tmov r12, r4\n\tmov lr, r5\n\tpush {r0, r6, r7, r8}\n" planes( \
                pair_0, pair_1, six, step_2,                                                                 \
                step_8) "str r4, [lr]\n\tstr r5, [lr, #4]\n\tstr r6, [lr, #8]\n\tstr r7, [lr, #12]\n\t"      \
                        "str r8, [lr, #" s0 "]\n\tstr r9, [lr, #" s1 "]\n\tstr r10, [lr, #" s2 "]\n\t"       \
                        "str r11, [lr, #" s3 "]\n\t"                                                         \
                        "sub lr, lr, r1\n\tadd r0, r0, #16\n\tstr r0, [sp, #4]\n\tcmp r0, r2\n\tbne 1b\n\t"  \
                        "pop {r0, r6, r7, r8}\n\tstr r12, [r0]\n\t" planes##_REST(pair_0)                    \
            : "+r"(ts_work)                                                                                  \
            :                                                                                                \
            : "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc",         \
              "memory");                                                                                     \
    }
TS_WINOGRAD_PRODUCT(ts_winograd_4x4_eights, TS_WINOGRAD_EIGHTS, TS_WINOGRAD_4X4_PAIR_0,
                    TS_WINOGRAD_4X4_PAIR_1, TS_WINOGRAD_4X4_SIX, "1152", "4608", "576", "580", "584", "588")
TS_WINOGRAD_PRODUCT(ts_winograd_4x4_twos, TS_WINOGRAD_TWOS, TS_WINOGRAD_4X4_PAIR_0, TS_WINOGRAD_4X4_PAIR_1,
                    TS_WINOGRAD_4X4_SIX, "1152", "4608", "576", "580", "584", "588")
TS_WINOGRAD_PRODUCT(ts_winograd_2x2_eights, TS_WINOGRAD_EIGHTS, TS_WINOGRAD_2X2_PAIR_0,
                    TS_WINOGRAD_2X2_PAIR_1, TS_WINOGRAD_2X2_SIX, "512", "2048", "256", "260", "264", "268")
TS_WINOGRAD_PRODUCT(ts_winograd_2x2_twos, TS_WINOGRAD_TWOS, TS_WINOGRAD_2X2_PAIR_0, TS_WINOGRAD_2X2_PAIR_1,
                    TS_WINOGRAD_2X2_SIX, "512", "2048", "256", "260", "264", "268")

#else

static inline void ts_winograd_product(struct ts_winograd_work *work, unsigned positions) {
    int32_t *const sums = work->sums;
    unsigned const plane = 4 * positions;
    for (unsigned position = 0; position < plane; position += 4) {
        int32_t acc[8] = {0};
        for (const int32_t *at = work->planes; at != sums; at += plane, work->stream += 2) {
            for (unsigned i = 0; i < 8; i++) {
                acc[i] = ts_smlad(work->stream[i / 4], at[position + i % 4], acc[i]);
            }
        }
        for (unsigned i = 0; i < 8; i++) {
            sums[i / 4 * plane + position + i % 4] = acc[i];
        }
    }
}

static inline void ts_winograd_4x4_eights(struct ts_winograd_work *work) {
    ts_winograd_product(work, 36);
}

static inline void ts_winograd_4x4_twos(struct ts_winograd_work *work) {
    ts_winograd_product(work, 36);
}

static inline void ts_winograd_2x2_eights(struct ts_winograd_work *work) {
    ts_winograd_product(work, 16);
}

static inline void ts_winograd_2x2_twos(struct ts_winograd_work *work) {
    ts_winograd_product(work, 16);
}

#endif

#endif
