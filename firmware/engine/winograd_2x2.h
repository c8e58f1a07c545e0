/* The transforms of winograd.h for tiles of 2 x 2 outputs, patches of 4 x 4 codes. Positions stand column by column. */
#ifndef TINYSINE_ENGINE_WINOGRAD_2X2_H
#define TINYSINE_ENGINE_WINOGRAD_2X2_H

#include <stdint.h>

#include "engine/bytes.h"
#include "engine/winograd_tiles.h"

#if defined(__ARM_FEATURE_DSP)

static inline uint32_t ts_halves_added(uint32_t a, uint32_t b) {
    uint32_t sum;
    __asm__("sadd16 %0, %1, %2" : "=r"(sum) : "r"(a), "r"(b));
    return sum;
}

static inline uint32_t ts_halves_less(uint32_t a, uint32_t b) {
    uint32_t difference;
    __asm__("ssub16 %0, %1, %2" : "=r"(difference) : "r"(a), "r"(b));
    return difference;
}

#else

static inline uint32_t ts_halves_added(uint32_t a, uint32_t b) {
    return ((a + b) & 0xFFFF) | (((a >> 16) + (b >> 16)) << 16);
}

static inline uint32_t ts_halves_less(uint32_t a, uint32_t b) {
    return ((a - b) & 0xFFFF) | (((a >> 16) - (b >> 16)) << 16);
}

#endif

/* Four words of two codes become four, `step` apart. */
static inline __attribute__((always_inline)) void
ts_winograd_2x2_line(uint32_t d0, uint32_t d1, uint32_t d2, uint32_t d3, uint32_t *to, unsigned step) {
    to[0] = ts_halves_less(d0, d2);
    to[step] = ts_halves_added(d1, d2);
    to[2 * step] = ts_halves_less(d2, d1);
    to[3 * step] = ts_halves_less(d1, d3);
}

/* Transform the patch of one tile in four channels: each row, then each column of what the rows became. */
static __attribute__((noinline)) void ts_winograd_2x2_quad(const int8_t *codes, uint32_t column_step,
                                                           uint32_t row_step, int32_t *planes) {
    uint32_t lines[2][16];
    for (unsigned y = 0; y < 4; y++, codes += row_step) {
        uint32_t const w0 = ts_winograd_word(codes);
        uint32_t const w1 = ts_winograd_word(codes + column_step);
        uint32_t const w2 = ts_winograd_word(codes + 2 * column_step);
        uint32_t const w3 = ts_winograd_word(codes + 3 * column_step);
        ts_winograd_2x2_line((uint32_t)ts_even_signed(w0), (uint32_t)ts_even_signed(w1),
                             (uint32_t)ts_even_signed(w2), (uint32_t)ts_even_signed(w3), lines[0] + y, 4);
        ts_winograd_2x2_line((uint32_t)ts_odd_signed(w0), (uint32_t)ts_odd_signed(w1),
                             (uint32_t)ts_odd_signed(w2), (uint32_t)ts_odd_signed(w3), lines[1] + y, 4);
    }
    const uint32_t *column = lines[0];
    for (unsigned x = 0; x < 8; x++, column += 4, planes += 4 * TS_WINOGRAD_TILES) {
        ts_winograd_2x2_line(column[0], column[1], column[2], column[3], (uint32_t *)planes,
                             TS_WINOGRAD_TILES);
    }
}

/* The codes of one channel. The bias is added at the position from which it reaches each output once. */
static __attribute__((noinline)) void ts_winograd_2x2_codes(const struct ts_winograd_codes *work) {
    const struct ts_winograd_channel *const channel = work->channel;
    const int32_t *tile = work->sums;
    for (int8_t *const *at = work->outputs; at != work->end; at++, tile++) {
        uint32_t upper[4];
        uint32_t lower[4];
        const int32_t *sums = tile;
        for (unsigned x = 0; x < 4; x++, sums += 4 * TS_WINOGRAD_TILES) {
            uint32_t const m1 = (uint32_t)sums[TS_WINOGRAD_TILES] + (x == 1 ? (uint32_t)channel->bias : 0);
            uint32_t const m2 = (uint32_t)sums[2 * TS_WINOGRAD_TILES];
            upper[x] = (uint32_t)sums[0] + m1 + m2;
            lower[x] = m1 - m2 - (uint32_t)sums[3 * TS_WINOGRAD_TILES];
        }
        int8_t *const first = *at + work->offset;
        int8_t *const second = first + work->row_step;
        uint32_t const step = work->column_step;
        first[0] = ts_winograd_code((int32_t)(upper[0] + upper[1] + upper[2]), 64, channel);
        first[step] = ts_winograd_code((int32_t)(upper[1] - upper[2] - upper[3]), 64, channel);
        second[0] = ts_winograd_code((int32_t)(lower[0] + lower[1] + lower[2]), 64, channel);
        second[step] = ts_winograd_code((int32_t)(lower[1] - lower[2] - lower[3]), 64, channel);
    }
}

#endif
