/* ADD and SUB of two operands of one shape, with a table for each: twice what each code is in the scale of the sum. Their
 * sum takes the reference's own steps to the scale of the result, which the generator has proved over all pairs of codes
 * to fit words. */
#ifndef TINYSINE_ENGINE_ADD_TABLES_H
#define TINYSINE_ENGINE_ADD_TABLES_H

#include <stdint.h>

#include "engine/requantize.h"
#include "tinysine/quantize.h"

struct ts_add_tables {
    const int32_t *first; /* [256], by the code as an unsigned byte */
    const int32_t *second;
    int32_t multiplier;
    int32_t term; /* the half of the second rounding, and the zero point */
    uint32_t shift;
    uint32_t count; /* of codes */
};

/* Where four codes at a time are, and where they go. */
struct ts_add_tables_work {
    const int8_t *first;
    const int8_t *second;
    int8_t *output;
    const int8_t *end; /* of the first */
};

static inline int8_t ts_add_tables_code(const struct ts_add_tables *layer, int8_t first, int8_t second) {
    int32_t const sum = layer->first[(uint8_t)first] + layer->second[(uint8_t)second];
    int32_t const high = ts_high_rounded(sum, layer->multiplier);
    return (int8_t)ts_clamp((high + (high >> 31) + layer->term) >> layer->shift, -128, 127);
}

#if defined(__ARM_FEATURE_DSP)

#define TS_ADD_TABLES_ONE(rotated)                                                                           \
    "uxtb r10, r8" rotated "\n\tuxtb r11, r9" rotated                                                        \
    "\n\tldr r10, [r3, r10, lsl #2]\n\tldr r11, [r4, r11, lsl #2]\n\tadd r10, r10, r11\n\t"                  \
    "smmulr r10, r10, r5\n\tadd r10, r10, r10, asr #31\n\tadd r10, r10, r6\n\tasr r10, r10, r7\n\t"          \
    "ssat r10, #8, r10\n\tstrb r10, [r2], #1\n\t"

/* The statement takes nearly every register, so that it stands in a function of its own. */
static __attribute__((noinline)) void ts_add_tables_fours(const struct ts_add_tables *layer,
                                                          const struct ts_add_tables_work *work) {
    register const struct ts_add_tables *ts_layer __asm__("r0") = layer;
    register const struct ts_add_tables_work *ts_work __asm__("r1") = work;
#define TS_ADD_TABLES_FOURS                                                                                  \
    __asm__ volatile("ldmia r0, {r3, r4, r5, r6, r7}\n\tldmia r1, {r0, r1, r2, r12}\n"                       \
                     "1:\n\tldr r8, [r0], #4\n\tldr r9, [r1], #4\n\t" TS_ADD_TABLES_ONE("")                  \
                         TS_ADD_TABLES_ONE(", ror #8") TS_ADD_TABLES_ONE(", ror #16")                        \
                             TS_ADD_TABLES_ONE(", ror #24") "cmp r0, r12\n\tbne 1b\n\t"                      \
                     : "+r"(ts_layer), "+r"(ts_work)                                                         \
                     :                                                                                       \
                     : "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "cc", "memory")
    TS_ADD_TABLES_FOURS;
}

#else

static inline void ts_add_tables_fours(const struct ts_add_tables *layer,
                                       const struct ts_add_tables_work *work) {
    const int8_t *second = work->second;
    int8_t *output = work->output;
    for (const int8_t *first = work->first; first != work->end; first++, second++, output++) {
        *output = ts_add_tables_code(layer, *first, *second);
    }
}

#endif

/* All are aligned to four bytes; output may be first. */
static __attribute__((noinline, unused)) void ts_add_tables_s8(const struct ts_add_tables *layer,
                                                               const int8_t *first, const int8_t *second,
                                                               int8_t *output) {
    uint32_t const fours = layer->count & ~3U;
    if (fours > 0) {
        struct ts_add_tables_work const work = {first, second, output, first + fours};
        ts_add_tables_fours(layer, &work);
    }
    for (uint32_t i = fours; i < layer->count; i++) {
        output[i] = ts_add_tables_code(layer, first[i], second[i]);
    }
}

#endif
