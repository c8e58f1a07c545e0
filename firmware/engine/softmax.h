/* Softmax in integers, equal to both references: see tinysine/graph/operators/softmax.py. */
#ifndef TINYSINE_ENGINE_SOFTMAX_H
#define TINYSINE_ENGINE_SOFTMAX_H

#include <stdint.h>

#include "tinysine/flash.h"

/* a * b / 2^31, halves up; one of them is not -2^31. */
static inline int32_t ts_fixed_product(int32_t a, int32_t b) {
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* 2^31 / (1 + fraction / 2^31), fraction in [0, 2^31): Newton's method on two integer bits. */
static inline int32_t ts_fixed_reciprocal(uint32_t fraction) {
    int32_t const half = (int32_t)((fraction + 0x80000000U) >> 1);
    int32_t x = 1515870810 + ts_fixed_product(half, -1010580540); /* 48/17 - 32/17 * half */
    for (unsigned steps = 3; steps > 0; steps--) {
        /* What is left is below 1/17, so the shift loses nothing. */
        int32_t const rest = ((int32_t)1 << 29) - ts_fixed_product(half, x);
        x += ts_fixed_product(x, rest) * 4;
    }
    return x < (int32_t)1 << 30 ? x * 2 : INT32_MAX;
}

/* input, output: int8 [rows][width]; they may be the same. width is at most 511.
 * exps: exp(-difference of two codes), without integer bits. */
static __attribute__((noinline, unused)) void ts_softmax_s8(const TS_FLASH int32_t *exps, const int8_t *input,
                                                            int8_t *output, unsigned rows, unsigned width) {
    for (; rows > 0; rows--) {
        const int8_t *const end = input + width;
        int32_t greatest = INT8_MIN;
        for (const int8_t *in = input; in != end; in++) {
            greatest = *in > greatest ? *in : greatest;
        }
        uint32_t sum = 0; /* with 19 bits behind the point, at least 1 */
        for (const int8_t *in = input; in != end; in++) {
            sum += ((uint32_t)exps[greatest - *in] + 2048) >> 12;
        }
        unsigned shift = 35;
        for (; sum < 0x80000000U; sum *= 2) {
            shift--;
        }
        int32_t const scale = ts_fixed_reciprocal(sum - 0x80000000U);
        uint32_t const half = (uint32_t)1 << (shift - 1);
        for (; input != end; input++) {
            int32_t const exp = exps[greatest - *input];
            uint32_t const share = ((uint32_t)ts_fixed_product(scale, exp) + half) >> shift;
            *output++ = (int8_t)((share < 255 ? (int32_t)share : 255) - 128);
        }
    }
}

#endif
