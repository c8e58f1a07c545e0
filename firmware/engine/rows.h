/* Rows of a small layer whose inputs fit in registers: the fastest way through a small network on a Cortex-M4
 * or M7, and its twin in plain C, which only the host runs.
 *
 * A layer's inputs are packed two to a word, low half first, in a0 ... a7. The constants of all rows stand in
 * one stream, in the order in which they are used, so that `p` walks it once from front to back:
 *
 *     bias, weight pairs, multiplier, term [, weight of the folded output]
 *
 * A row is a dot product and its requantisation, in three ways of rounding. With hi = high 32 bits of
 * acc * multiplier (64-bit product), s the right shift of requantize.h, e = s - 31 and offset = zero point of
 * the output less the code that is stored as zero:
 *
 *   SINGLE         (hi + term) >> (s - 32), term = 2^(s-33) + (offset << (s-32)).
 *                  Exact: the half, 2^(s-1), is a multiple of 2^32 as long as s > 32.
 *   DOUBLE         (round(hi of the doubled acc) + term) >> e, term = 2^(e-1) + (offset << e).
 *                  Exact where negative values clamp to zero, for it rounds their halves up. Weights and bias
 *                  are doubled in the stream.
 *   DOUBLE_SIGNED  the same, less one where the value is negative: halves go away from zero,
 *                  exact everywhere.
 *
 * and two ways of clamping: USAT to 0..255 for a hidden layer, SSAT to -128..127 for the last. The generator
 * proves each precondition for each row; a layer with a row for which none holds is computed by ts_plain_long
 * (plain.h). */
#ifndef TINYSINE_ENGINE_ROWS_H
#define TINYSINE_ENGINE_ROWS_H

#include <stdint.h>

#include "engine/bytes.h"
#include "engine/requantize.h"

#if defined(__ARM_FEATURE_DSP)

/* The compiler cannot look inside the statements below, so each one says:
 *   - "&" (early clobber) for `p` and for whatever else is written before the last input was read. Without it an
 *     input may be given the same register, and is lost before it is needed.
 *   - "memory", because the words of the stream are read through `p`.
 * No flag changes but Q, which nothing reads. Operands and r0 to r3 take 14 registers at most: all that there are. */

/* Where the variables of the generated code stand. A row of 16 inputs leaves no register free, and GCC's allocator does not
 * always find the one way to share them out ("impossible constraints"). `p` has a register of which ldmia has a short
 * form, and which a call leaves alone: loops of other layers may come between. A call overwrites r12 and lr, so that none
 * may come between the last inputs or `sum` and their rows: what is used there is always inlined. `x` and `sum` are
 * never needed at once; r7, which may be the frame pointer, is the last to be taken. */
#define TS_REGISTER register
#define TS_IN_p     __asm__("r4")
#define TS_IN_a0    __asm__("r5")
#define TS_IN_a1    __asm__("r6")
#define TS_IN_a2    __asm__("r8")
#define TS_IN_a3    __asm__("r9")
#define TS_IN_a4    __asm__("r10")
#define TS_IN_a5    __asm__("r11")
#define TS_IN_a6    __asm__("r12")
#define TS_IN_a7    __asm__("r7")
#define TS_IN_x     __asm__("lr")
#define TS_IN_sum   __asm__("lr")

/* r0 holds the accumulator; r1 to r3 take the words of the stream, three at a time. */
#define TS_LOAD_4          "ldmia %[p]!, {r0, r1, r2, r3}\n\t"
#define TS_LOAD_3          "ldmia %[p]!, {r1, r2, r3}\n\t"
#define TS_LOAD_2          "ldmia %[p]!, {r1, r2}\n\t"
#define TS_LOAD_1          "ldr r1, [%[p]], #4\n\t"
#define TS_MAC(word, pair) "smlad r0, " word ", %[a" #pair "], r0\n\t"

#define TS_MACS_1 TS_LOAD_4 TS_MAC("r1", 0)
#define TS_MACS_2 TS_MACS_1 TS_MAC("r2", 1)
#define TS_MACS_3 TS_MACS_2 TS_MAC("r3", 2)
#define TS_MACS_4 TS_MACS_3 TS_LOAD_3 TS_MAC("r1", 3)
#define TS_MACS_5 TS_MACS_4 TS_MAC("r2", 4)
#define TS_MACS_6 TS_MACS_5 TS_MAC("r3", 5)
#define TS_MACS_7 TS_MACS_6 TS_LOAD_3 TS_MAC("r1", 6)
#define TS_MACS_8 TS_MACS_7 TS_MAC("r2", 7)

#define TS_INPUTS_1 [a0] "r"(a0)
#define TS_INPUTS_2 TS_INPUTS_1, [a1] "r"(a1)
#define TS_INPUTS_3 TS_INPUTS_2, [a2] "r"(a2)
#define TS_INPUTS_4 TS_INPUTS_3, [a3] "r"(a3)
#define TS_INPUTS_5 TS_INPUTS_4, [a4] "r"(a4)
#define TS_INPUTS_6 TS_INPUTS_5, [a5] "r"(a5)
#define TS_INPUTS_7 TS_INPUTS_6, [a6] "r"(a6)
#define TS_INPUTS_8 TS_INPUTS_7, [a7] "r"(a7)

#define TS_SINGLE(m, term) "smmla r0, r0, " m ", " term "\n\t"
#define TS_DOUBLE(m, term) "smmlar r0, r0, " m ", " term "\n\t"
#define TS_DOUBLE_SIGNED(m, term)                                                                            \
    "smmulr r0, r0, " m "\n\tadd r0, r0, r0, asr #31\n\tadd r0, r0, " term "\n\t"
#define TS_USAT(code, shift) "usat " code ", #8, r0, asr " shift "\n\t"
#define TS_SSAT(code, shift) "ssat " code ", #8, r0, asr " shift "\n\t"

/* Where the multiplier and the term stand depends on how many words the weights left in the last load. */
#define TS_SCALE_1(scale) scale("r2", "r3")
#define TS_SCALE_2(scale) TS_LOAD_1 scale("r3", "r1")
#define TS_SCALE_3(scale) TS_LOAD_2 scale("r1", "r2")
#define TS_SCALE_4        TS_SCALE_1
#define TS_SCALE_5        TS_SCALE_2
#define TS_SCALE_6        TS_SCALE_3
#define TS_SCALE_7        TS_SCALE_1
#define TS_SCALE_8        TS_SCALE_2

#define TS_FOLD(scale, clamp, m, term, weight)                                                               \
    scale(m, term) clamp("r0", "%[shift]") "mla %[sum], r0, " weight ", %[sum]\n\t"
#define TS_FOLD_1(scale, clamp) TS_LOAD_1 TS_FOLD(scale, clamp, "r2", "r3", "r1")
#define TS_FOLD_2(scale, clamp) TS_LOAD_2 TS_FOLD(scale, clamp, "r3", "r1", "r2")
#define TS_FOLD_3(scale, clamp) TS_LOAD_3 TS_FOLD(scale, clamp, "r1", "r2", "r3")
#define TS_FOLD_4               TS_FOLD_1
#define TS_FOLD_5               TS_FOLD_2
#define TS_FOLD_6               TS_FOLD_3
#define TS_FOLD_7               TS_FOLD_1
#define TS_FOLD_8               TS_FOLD_2

/* One row; its value is the code. Volatile keeps GCC's scheduler for Cortex-M7 from moving other statements in between,
 * which need registers that are not there. */
#define TS_ROW(pairs, scale, clamp, right_shift)                                                             \
    ({                                                                                                       \
        register int32_t ts_code __asm__("r0");                                                              \
        __asm__ volatile(TS_MACS_##pairs TS_SCALE_##pairs(scale) clamp("r0", "%[shift]")                     \
                         : [p] "+&r"(p), "=&r"(ts_code)                                                      \
                         : TS_INPUTS_##pairs, [shift] "i"(right_shift)                                       \
                         : "r1", "r2", "r3", "memory");                                                      \
        ts_code;                                                                                             \
    })

/* One row, whose code is multiplied at once into `sum`, the only accumulator of the next layer. */
#define TS_ROW_FOLD(pairs, scale, clamp, right_shift)                                                        \
    __asm__(TS_MACS_##pairs TS_FOLD_##pairs(scale, clamp)                                                    \
            : [p] "+&r"(p), [sum] "+r"(sum)                                                                  \
            : TS_INPUTS_##pairs, [shift] "i"(right_shift)                                                    \
            : "r0", "r1", "r2", "r3", "memory")

/* One row of a layer whose only input is `x`. The compiler chooses the register of its code: that of the variable which
 * takes it. */
#define TS_ROW_X(scale, clamp, right_shift)                                                                  \
    ({                                                                                                       \
        int32_t ts_code;                                                                                     \
        __asm__(TS_LOAD_4 "smlad r0, r1, %[x], r0\n\t" scale("r2", "r3") clamp("%[code]", "%[shift]")        \
                : [p] "+&r"(p), [code] "=r"(ts_code)                                                         \
                : [x] "r"(x), [shift] "i"(right_shift)                                                       \
                : "r0", "r1", "r2", "r3", "memory");                                                         \
        ts_code;                                                                                             \
    })

/* Two rows of a layer whose only input is `x`, their codes packed into one word. */
#define TS_ROW_PAIR(packed, scale, clamp, right_shift_low, right_shift_high)                                 \
    __asm__(                                                                                                 \
        "ldmia %[p]!, {r0, r1, r2, r3}\n\tsmlad r0, r1, %[x], r0\n\t" scale("r2", "r3")                      \
            clamp("%[low]", "%[shift]") "ldmia %[p]!, {r0, r1, r2, r3}\n\tsmlad r0, r1, %[x], r0\n\t" scale( \
                "r2", "r3") clamp("r0", "%[high]") "pkhbt %[low], %[low], r0, lsl #16\n\t"                   \
        : [p] "+&r"(p), [low] "=&r"(packed)                                                                  \
        : [x] "r"(x), [shift] "i"(right_shift_low), [high] "i"(right_shift_high)                             \
        : "r0", "r1", "r2", "r3", "memory")

/* The requantisation of `sum`; its value is the code. */
#define TS_ROW_FINISH(scale, clamp, right_shift)                                                             \
    ({                                                                                                       \
        register int32_t ts_code __asm__("r0") = sum;                                                        \
        __asm__(TS_LOAD_2 scale("r1", "r2") clamp("r0", "%[shift]")                                          \
                : [p] "+&r"(p), "+&r"(ts_code)                                                               \
                : [shift] "i"(right_shift)                                                                   \
                : "r1", "r2", "memory");                                                                     \
        ts_code;                                                                                             \
    })

#else

#define TS_REGISTER
#define TS_IN_p
#define TS_IN_a0
#define TS_IN_a1
#define TS_IN_a2
#define TS_IN_a3
#define TS_IN_a4
#define TS_IN_a5
#define TS_IN_a6
#define TS_IN_a7
#define TS_IN_x
#define TS_IN_sum

static inline int32_t ts_dot(const int32_t **p, const int32_t *inputs, unsigned pairs) {
    /* Unsigned: a sum on its way may leave int32, the whole of it does not. */
    uint32_t acc = (uint32_t)*(*p)++;
    for (unsigned i = 0; i < pairs; i++) {
        int32_t const word = *(*p)++;
        acc += (uint32_t)((int16_t)(word & 0xFFFF) * (int16_t)(inputs[i] & 0xFFFF));
        acc += (uint32_t)((word >> 16) * (inputs[i] >> 16));
    }
    return (int32_t)acc;
}

static inline int32_t ts_single(int32_t acc, int32_t multiplier, int32_t term) {
    return (int32_t)(((int64_t)acc * multiplier) >> 32) + term;
}

static inline int32_t ts_double(int32_t acc, int32_t multiplier, int32_t term) {
    return ts_high_rounded(acc, multiplier) + term;
}

static inline int32_t ts_double_signed(int32_t acc, int32_t multiplier, int32_t term) {
    int32_t const high = ts_high_rounded(acc, multiplier);
    return high + (high >> 31) + term;
}

#define TS_SINGLE        ts_single
#define TS_DOUBLE        ts_double
#define TS_DOUBLE_SIGNED ts_double_signed
#define TS_USAT(value)   ts_clamp(value, 0, 255)
#define TS_SSAT(value)   ts_clamp(value, -128, 127)

#define TS_INPUTS_1 a0
#define TS_INPUTS_2 TS_INPUTS_1, a1
#define TS_INPUTS_3 TS_INPUTS_2, a2
#define TS_INPUTS_4 TS_INPUTS_3, a3
#define TS_INPUTS_5 TS_INPUTS_4, a4
#define TS_INPUTS_6 TS_INPUTS_5, a5
#define TS_INPUTS_7 TS_INPUTS_6, a6
#define TS_INPUTS_8 TS_INPUTS_7, a7

#define TS_ROW_FINISH_ACC(acc, scale, clamp, right_shift)                                                    \
    ({                                                                                                       \
        int32_t const ts_multiplier = *p++;                                                                  \
        int32_t const ts_term = *p++;                                                                        \
        clamp(scale(acc, ts_multiplier, ts_term) >> (right_shift));                                          \
    })

#define TS_ROW(pairs, scale, clamp, right_shift)                                                             \
    ({                                                                                                       \
        int32_t const ts_acc = ts_dot(&p, (const int32_t[]){TS_INPUTS_##pairs}, pairs);                      \
        TS_ROW_FINISH_ACC(ts_acc, scale, clamp, right_shift);                                                \
    })

#define TS_ROW_FOLD(pairs, scale, clamp, right_shift)                                                        \
    do {                                                                                                     \
        int32_t const ts_code = TS_ROW(pairs, scale, clamp, right_shift);                                    \
        sum += ts_code * *p++;                                                                               \
    } while (0)

#define TS_ROW_X(scale, clamp, right_shift)                                                                  \
    ({                                                                                                       \
        int32_t const ts_acc = ts_dot(&p, &x, 1);                                                            \
        TS_ROW_FINISH_ACC(ts_acc, scale, clamp, right_shift);                                                \
    })

#define TS_ROW_PAIR(packed, scale, clamp, right_shift_low, right_shift_high)                                 \
    do {                                                                                                     \
        int32_t const ts_low = TS_ROW_X(scale, clamp, right_shift_low);                                      \
        packed = ts_low | TS_ROW_X(scale, clamp, right_shift_high) << 16;                                    \
    } while (0)

#define TS_ROW_FINISH(scale, clamp, right_shift) TS_ROW_FINISH_ACC(sum, scale, clamp, right_shift)

#endif

static inline __attribute__((always_inline)) int32_t ts_least(int32_t a, int32_t b) {
    return a < b ? a : b;
}

static inline __attribute__((always_inline)) int32_t ts_greatest(int32_t a, int32_t b) {
    return a > b ? a : b;
}

#endif
