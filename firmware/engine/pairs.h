/* Two operands of one result, element by element, each as often as its shape says. */
#ifndef TINYSINE_ENGINE_PAIRS_H
#define TINYSINE_ENGINE_PAIRS_H

#include <stdint.h>

#include "tinysine/flash.h"

#define TS_PAIR_DIMS 4U

/* Steps are from one element to the next along a dimension, 0 where the operand is the same all along it. */
struct ts_pairs {
    uint32_t counts[TS_PAIR_DIMS];
    uint32_t first_steps[TS_PAIR_DIMS];
    uint32_t second_steps[TS_PAIR_DIMS];
};

/* How many rows there are: runs of elements along the last dimension. */
static inline uint32_t ts_pair_rows(const TS_FLASH struct ts_pairs *pairs) {
    return pairs->counts[0] * pairs->counts[1] * pairs->counts[2];
}

/* Where an operand's row begins. */
static inline uint32_t ts_pair_row(const TS_FLASH struct ts_pairs *pairs, const TS_FLASH uint32_t *steps,
                                   uint32_t row) {
    uint32_t offset = 0;
    for (unsigned dim = TS_PAIR_DIMS - 1; dim-- > 0;) {
        offset += row % pairs->counts[dim] * steps[dim];
        row /= pairs->counts[dim];
    }
    return offset;
}

#endif
