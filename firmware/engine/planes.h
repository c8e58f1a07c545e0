/* Planes of 16-bit codes, padding included, between a convolution that writes them and the depthwise convolution of 3 x 3
 * taps that reads them: no code is moved in between.
 *
 * Four channels stand together, [group of four channels][pair of columns][line][channel] words, where one word holds two
 * columns of one line. A line is a row of the image, with its padding. The image is inside, and its columns are even. */
#ifndef TINYSINE_ENGINE_PLANES_H
#define TINYSINE_ENGINE_PLANES_H

#include <stdint.h>

#include "engine/copy.h"

struct ts_planes {
    uint16_t groups; /* of four channels */
    uint16_t rows;   /* of the image */
    uint16_t columns;
    uint16_t lines;
    uint16_t pairs;
    uint16_t rows_before; /* of padding */
    uint16_t columns_before;
    int16_t zero_point; /* which the padding holds */
};

#define TS_PLANES_QUAD 16U /* bytes of the words of four channels that stand together */

static inline uint32_t ts_planes_column(const struct ts_planes *planes) {
    return TS_PLANES_QUAD * planes->lines;
}

static inline uint32_t ts_planes_group(const struct ts_planes *planes) {
    return ts_planes_column(planes) * planes->pairs;
}

/* Where a row of the image begins. */
static inline uint8_t *ts_planes_row(const struct ts_planes *planes, uint8_t *to, uint32_t row) {
    return to + planes->columns_before / 2U * ts_planes_column(planes) +
           TS_PLANES_QUAD * (planes->rows_before + row) + planes->columns_before % 2U * 2U;
}

/* Bytes from an even column of the image to the next one. */
static inline uint32_t ts_planes_apart(const struct ts_planes *planes) {
    return planes->columns_before % 2U ? ts_planes_column(planes) - 2U : 2U;
}

#if defined(__ARM_FEATURE_DSP)
/* quads: 1 or more. */
static __attribute__((noinline)) uint8_t *ts_planes_fill(uint8_t *to, int32_t word, uint32_t quads) {
    __asm__ volatile(
        "mov r4, %[word]\n\tmov r5, r4\n\tmov r6, r4\n\tmov r7, r4\n\tlsrs %[quads], %[quads], #1\n\t"
        "bcc 1f\n\tstmia %[to]!, {r4, r5, r6, r7}\n\tbeq 2f\n"
        "1:\n\tstmia %[to]!, {r4, r5, r6, r7}\n\tstmia %[to]!, {r4, r5, r6, r7}\n\t"
        "subs %[quads], %[quads], #1\n\tbne 1b\n"
        "2:\n\t"
        : [to] "+&r"(to), [quads] "+&r"(quads)
        : [word] "r"(word)
        : "r4", "r5", "r6", "r7", "cc", "memory");
    return to;
}
#else
static inline uint8_t *ts_planes_fill(uint8_t *to, int32_t word, uint32_t quads) {
    for (; quads > 0; quads--, to += TS_PLANES_QUAD) {
        int32_t const quad[4] = {word, word, word, word};
        ts_copy_s8((const int8_t *)quad, (int8_t *)to, TS_PLANES_QUAD);
    }
    return to;
}
#endif

/* Fill what is around the image, and the words that it shares with padding. */
static __attribute__((noinline, unused)) void ts_planes_pad(const struct ts_planes *planes, uint8_t *to) {
    int32_t const word = (int32_t)((uint16_t)planes->zero_point * 0x00010001U);
    uint32_t const lines = planes->lines;
    uint32_t const first = (planes->columns_before + 1U) / 2U; /* pair of columns without padding beside it */
    uint32_t const end = (uint32_t)(planes->columns_before + planes->columns) / 2U;
    uint32_t const above = planes->rows_before;
    uint32_t const below = lines - above - planes->rows;
    uint32_t const last = below + lines * (planes->pairs - end);
    for (unsigned group = planes->groups; group > 0; group--) {
        uint32_t quads = first < end ? lines * first + above : lines * planes->pairs;
        for (uint32_t pair = first; pair < end; pair++) {
            if (quads) {
                to = ts_planes_fill(to, word, quads);
            }
            to += TS_PLANES_QUAD * planes->rows;
            quads = pair + 1 == end ? last : below + above;
        }
        if (quads) {
            to = ts_planes_fill(to, word, quads);
        }
    }
}

#endif
