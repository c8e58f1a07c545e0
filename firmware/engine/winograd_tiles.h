/* What both sizes of the tiles of winograd.h share. */
#ifndef TINYSINE_ENGINE_WINOGRAD_TILES_H
#define TINYSINE_ENGINE_WINOGRAD_TILES_H

#include <stdint.h>

#include "engine/requantize.h"

#define TS_WINOGRAD_TILES 4U /* at a time: a plane has a word for each of them at each position */

/* How the sums of a channel become codes, which the generator has proved to be the reference's for every sum.
 *   SHORT   that of scaled.h, at the scale of the sums: two instructions.
 *   SIGNED  the same, with a term that is smaller where a sum is negative: four.
 *   EXACT   the reference's own steps, on twice the accumulator. */
#define TS_WINOGRAD_SHORT  0
#define TS_WINOGRAD_SIGNED 1
#define TS_WINOGRAD_EXACT  2

struct ts_winograd_channel {
    int32_t bias; /* in the units of the sums, with the zero points of a window */
    int32_t multiplier;
    int32_t term;
    int32_t last; /* SIGNED: what the term is less by; EXACT: the shift */
    int32_t kind;
};

/* One channel of some tiles: their sums at all positions, a word apart; and where the codes of each tile go, with what is
 * added to each of these places, and the steps of its outputs, in bytes. */
struct ts_winograd_codes {
    const int32_t *sums;
    const struct ts_winograd_channel *channel;
    int8_t *const *outputs;
    int8_t *const *end; /* of outputs */
    uint32_t offset;
    uint32_t column_step;
    uint32_t row_step;
};

static inline uint32_t ts_winograd_word(const int8_t *codes) {
    uint32_t word;
    __builtin_memcpy(&word, __builtin_assume_aligned(codes, 4), 4);
    return word;
}

/* The code of one sum, which is so many times the accumulator. */
static inline int8_t ts_winograd_code(int32_t sum, unsigned scale,
                                      const struct ts_winograd_channel *channel) {
    if (channel->kind == TS_WINOGRAD_EXACT) {
        int32_t const high = ts_high_rounded(sum / (int32_t)scale * 2, channel->multiplier);
        return (int8_t)ts_clamp((high + (high >> 31) + channel->term) >> channel->last, -128, 127);
    }
    int32_t const high = (int32_t)(((int64_t)sum * channel->multiplier) >> 32);
    int32_t const term = channel->term - (sum < 0 ? channel->last : 0); /* 0 where it is short */
    return (int8_t)ts_clamp((high + term) >> 12, -128, 127);
}

#endif
