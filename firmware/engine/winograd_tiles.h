/* What both sizes of the tiles of winograd.h share. */
#ifndef TINYSINE_ENGINE_WINOGRAD_TILES_H
#define TINYSINE_ENGINE_WINOGRAD_TILES_H

#include <stdint.h>

#include "engine/requantize.h"

#define TS_WINOGRAD_TILES 4U /* at a time: a plane has a word for each of them at each position */

struct ts_winograd_channel {
    int32_t bias; /* in the units of the sums, with the zero points of a window */
    int32_t multiplier;
    int32_t term;
    uint32_t shift; /* unused where it is short */
};

static inline uint32_t ts_winograd_word(const int8_t *codes) {
    uint32_t word;
    __builtin_memcpy(&word, __builtin_assume_aligned(codes, 4), 4);
    return word;
}

/* The code of one sum; of twice the accumulator, where it is not short. */
static inline int8_t ts_winograd_code(int32_t sum, const struct ts_winograd_channel *channel, int is_short) {
    if (is_short) {
        int32_t const high = (int32_t)(((int64_t)sum * channel->multiplier) >> 32);
        return (int8_t)ts_clamp((high + channel->term) >> 12, -128, 127);
    }
    int32_t const high = ts_high_rounded(sum, channel->multiplier);
    return (int8_t)ts_clamp((high + (high >> 31) + channel->term) >> channel->shift, -128, 127);
}

#endif
