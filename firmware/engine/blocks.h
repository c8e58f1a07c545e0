/* Blocks of codes, copied into a larger one. */
#ifndef TINYSINE_ENGINE_BLOCKS_H
#define TINYSINE_ENGINE_BLOCKS_H

#include <stdint.h>

#include "engine/copy.h"
#include "tinysine/flash.h"

/* Each row of `bytes` follows the last one in from, and lies `step` behind it in to. */
static __attribute__((noinline, unused)) void ts_copy_rows_s8(const int8_t *from, int8_t *to, uint32_t rows,
                                                              uint32_t bytes, uint32_t step) {
    for (; rows > 0; rows--, from += bytes, to += step) {
        ts_copy_s8(from, to, (unsigned)bytes);
    }
}

#define TS_PAD_DIMS 3U

struct ts_pad {
    uint32_t counts[TS_PAD_DIMS];
    uint32_t steps[TS_PAD_DIMS]; /* in the output, from one to the next along a dimension */
    uint32_t row;                /* codes that lie together at the innermost */
    uint32_t before;             /* codes before the first of the input */
    uint32_t total;              /* codes of the output */
    int8_t code;                 /* around the input */
};

static __attribute__((noinline, unused)) void ts_pad_s8(const TS_FLASH struct ts_pad *layer,
                                                        const int8_t *input, int8_t *output) {
    for (uint32_t i = 0; i < layer->total; i++) {
        output[i] = layer->code;
    }
    int8_t *outer = output + layer->before;
    for (uint32_t i = layer->counts[0]; i > 0; i--, outer += layer->steps[0]) {
        int8_t *middle = outer;
        for (uint32_t j = layer->counts[1]; j > 0; j--, middle += layer->steps[1]) {
            ts_copy_rows_s8(input, middle, layer->counts[2], layer->row, layer->steps[2]);
            input += layer->counts[2] * layer->row;
        }
    }
}

#endif
