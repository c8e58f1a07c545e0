/* Convolutions of 3 x 3 taps with stride 1 by Winograd's minimal filtering in exact integers, on a Cortex-M4 or M7: tiles of
 * 4 x 4 outputs with a quarter of the multiplications (winograd_4x4.h), or of 2 x 2 outputs with four ninths of them
 * (winograd_2x2.h).
 *
 * A tile's patch of codes, 6 x 6 or 4 x 4, is transformed to as many positions. At each position the sums over the input
 * channels are products of matrices (winograd_products.h), four tiles at a time. The sums of all positions give the
 * outputs, times 576 or times 64: the weights, transformed by the generator, have no fractions. All additions are modulo
 * 2^32, and exact where the outcome fits int32: the generator proves it, and that all factors fit 16 bits.
 *
 * Input channels are filled up to a multiple of four, of which a word holds channels 0 and 2, the next one 1 and 3; output
 * channels to a multiple of two. */
#ifndef TINYSINE_ENGINE_WINOGRAD_H
#define TINYSINE_ENGINE_WINOGRAD_H

#include <stdint.h>

#include "engine/winograd_2x2.h"
#include "engine/winograd_4x4.h"
#include "engine/winograd_products.h"
#include "engine/winograd_tiles.h"
#include "tinysine/quantize.h"

struct ts_winograd {
    const int32_t *stream;                      /* for each two output channels, see winograd_products.h */
    const struct ts_winograd_channel *channels; /* [outputs] */
    uint32_t tiles;                             /* of all images */
    uint16_t outputs;
    uint16_t inputs;
    uint16_t rows;
    uint16_t columns;
    uint16_t output_rows;
    uint16_t output_columns;
    uint16_t rows_before; /* of padding, before the first row of the image */
    uint16_t columns_before;
    int8_t input_zero_point;
    int8_t clamp_min;
    int8_t clamp_max;
};

/* How many of a tile's outputs are within the image. */
struct ts_winograd_tile {
    unsigned rows;
    unsigned columns;
};

/* Aligned to four bytes, as many as a multiple of four. */
static inline void ts_winograd_copy(const int8_t *from, int8_t *to, unsigned bytes) {
    for (; bytes >= 16; bytes -= 16, from += 16, to += 16) {
        __builtin_memcpy(__builtin_assume_aligned(to, 4), __builtin_assume_aligned(from, 4), 16);
    }
    for (; bytes > 0; bytes -= 4, from += 4, to += 4) {
        __builtin_memcpy(__builtin_assume_aligned(to, 4), __builtin_assume_aligned(from, 4), 4);
    }
}

/* Copy the patch at a row and a column of an image, zero points around it, channels filled up to a multiple of four. */
static __attribute__((noinline)) void ts_winograd_gather(const struct ts_winograd *layer, const int8_t *image,
                                                         int top, int left, unsigned size, int8_t *to) {
    unsigned const inputs = layer->inputs;
    unsigned const filled = (inputs + 3) & ~3U;
    int32_t const padding = (int32_t)((uint32_t)(uint8_t)layer->input_zero_point * 0x01010101U);
    for (unsigned i = 0; i < size * size * filled; i += 16) { /* both sizes are multiples of four */
        int8_t *const four = (int8_t *)__builtin_assume_aligned(to + i, 4);
        __builtin_memcpy(four, &padding, 4);
        __builtin_memcpy(four + 4, &padding, 4);
        __builtin_memcpy(four + 8, &padding, 4);
        __builtin_memcpy(four + 12, &padding, 4);
    }
    unsigned const before = left < 0 ? (unsigned)-left : 0;
    int const room = layer->columns - left;
    unsigned const until = room < (int)size ? (unsigned)room : size;
    for (unsigned y = 0; y < size; y++, to += size * filled) {
        int const row = top + (int)y;
        if (row < 0 || row >= layer->rows || room <= (int)before) {
            continue;
        }
        const int8_t *from = image + ((int32_t)row * layer->columns + left + (int)before) * (int32_t)inputs;
        int8_t *pixel = to + before * filled;
        if (inputs == filled) {
            ts_winograd_copy(from, pixel, (until - before) * inputs);
            continue;
        }
        for (unsigned x = before; x < until; x++, pixel += filled, from += inputs) {
            for (unsigned i = 0; i < inputs; i++) {
                pixel[i] = from[i];
            }
        }
    }
}

static inline void ts_winograd_quad(unsigned side, const int8_t *codes, uint32_t column_step,
                                    uint32_t row_step, int32_t *planes) {
    if (side == 4) {
        ts_winograd_4x4_quad(codes, column_step, row_step, planes);
    } else {
        ts_winograd_2x2_quad(codes, column_step, row_step, planes);
    }
}

static inline void ts_winograd_products(unsigned side, unsigned planes, struct ts_winograd_work *work) {
    if (side == 4 && planes % 8 == 0) {
        ts_winograd_4x4_eights(work);
    } else if (side == 4) {
        ts_winograd_4x4_twos(work);
    } else if (planes % 8 == 0) {
        ts_winograd_2x2_eights(work);
    } else {
        ts_winograd_2x2_twos(work);
    }
}

static inline void ts_winograd_codes(unsigned side, const struct ts_winograd_codes *work) {
    if (side == 4) {
        ts_winograd_4x4_codes(work);
    } else {
        ts_winograd_2x2_codes(work);
    }
}

/* Transform the inputs of the tile at a row and a column of the output. */
static inline void ts_winograd_inputs(const struct ts_winograd *layer, unsigned side, const int8_t *image,
                                      int top, int left, int8_t *patch, int32_t *planes) {
    unsigned const taps = side + 2;
    unsigned const inputs = layer->inputs;
    const int8_t *codes = patch;
    uint32_t column_step = (inputs + 3) & ~3U;
    uint32_t row_step = taps * column_step;
    if (inputs % 4 != 0 || top < 0 || left < 0 || top + (int)taps > layer->rows ||
        left + (int)taps > layer->columns) {
        ts_winograd_gather(layer, image, top, left, taps, patch);
    } else {
        codes = image + ((uint32_t)top * layer->columns + (uint32_t)left) * inputs;
        column_step = inputs;
        row_step = layer->columns * column_step;
    }
    for (unsigned i = 0; i < inputs; i += 4, planes += 2 * taps * taps * TS_WINOGRAD_TILES) {
        ts_winograd_quad(side, codes + i, column_step, row_step, planes);
    }
}

/* The codes of one channel of some tiles that are not all whole, or have to be clamped: from memory of their own. */
static __attribute__((noinline)) void ts_winograd_parts(const struct ts_winograd *layer, unsigned side,
                                                        const struct ts_winograd_codes *whole,
                                                        const struct ts_winograd_tile *tile) {
    int8_t codes[TS_WINOGRAD_TILES][4 * 4];
    int8_t *outputs[TS_WINOGRAD_TILES] = {codes[0], codes[1], codes[2], codes[3]};
    struct ts_winograd_codes work = *whole;
    work.outputs = outputs;
    work.end = outputs + (whole->end - whole->outputs);
    work.offset = 0;
    work.column_step = 1;
    work.row_step = 4;
    ts_winograd_codes(side, &work);
    const int8_t *code = codes[0];
    for (int8_t *const *at = whole->outputs; at != whole->end; at++, tile++, code += 4 * 4) {
        int8_t *output = *at + whole->offset;
        const int8_t *from = code;
        for (unsigned y = tile->rows; y > 0; y--, from += 4, output += whole->row_step) {
            for (unsigned x = 0; x < tile->columns; x++) {
                output[x * whole->column_step] =
                    (int8_t)ts_clamp(from[x], layer->clamp_min, layer->clamp_max);
            }
        }
    }
}

/* input, output and scratch must not overlap; all are aligned to four bytes. scratch: the planes of the inputs, then those
 * of the sums, or a patch, whichever is larger. */
static inline __attribute__((always_inline)) void ts_winograd_run(const struct ts_winograd *layer,
                                                                  unsigned side, const int8_t *input,
                                                                  int8_t *output, int8_t *scratch) {
    unsigned const plane = (side + 2) * (side + 2) * TS_WINOGRAD_TILES;
    unsigned const inputs = layer->inputs;
    unsigned const outputs = layer->outputs;
    unsigned const count = (inputs + 3) / 4 * 2; /* planes of the inputs */
    int32_t *const planes = (int32_t *)(void *)scratch;
    int32_t *const sums = planes + count * plane;
    struct ts_winograd_work work = {
        .planes = planes, .sums = sums, .back = 4 * count * plane - 16, .last = sums + plane};
    unsigned row = 0; /* of the output, where the next tile begins */
    unsigned column = 0;
    for (uint32_t left = layer->tiles; left > 0;) {
        struct ts_winograd_tile tiles[TS_WINOGRAD_TILES];
        int8_t *at[TS_WINOGRAD_TILES];
        int is_whole = layer->clamp_min == -128 && layer->clamp_max == 127;
        unsigned const now = left < TS_WINOGRAD_TILES ? (unsigned)left : TS_WINOGRAD_TILES;
        left -= now;
        for (unsigned i = 0; i < now; i++) {
            ts_winograd_inputs(layer, side, input, (int)row - layer->rows_before,
                               (int)column - layer->columns_before, (int8_t *)sums, planes + i);
            unsigned const rows = layer->output_rows - row;
            unsigned const columns = layer->output_columns - column;
            at[i] = output + ((uint32_t)row * layer->output_columns + column) * outputs;
            tiles[i].rows = rows < side ? rows : side;
            tiles[i].columns = columns < side ? columns : side;
            is_whole = is_whole && rows >= side && columns >= side;
            column += side;
            if (column >= layer->output_columns) {
                column = 0;
                row += side;
            }
            if (row >= layer->output_rows) {
                row = 0;
                input += (uint32_t)layer->rows * layer->columns * inputs;
                output += (uint32_t)layer->output_rows * layer->output_columns * outputs;
            }
        }
        work.stream = layer->stream;
        struct ts_winograd_codes codes = {.outputs = at,
                                          .end = at + now,
                                          .column_step = outputs,
                                          .row_step = layer->output_columns * outputs};
        for (unsigned channel = 0; channel < outputs; channel++) {
            codes.sums = channel % 2 == 0 ? sums : sums + plane;
            if (channel % 2 == 0) {
                ts_winograd_products(side, count, &work);
            }
            codes.channel = &layer->channels[channel];
            codes.offset = channel;
            if (is_whole) {
                ts_winograd_codes(side, &codes);
            } else {
                ts_winograd_parts(layer, side, &codes, tiles);
            }
        }
    }
}

static __attribute__((noinline, unused)) void
ts_winograd_4x4_s8(const struct ts_winograd *layer, const int8_t *input, int8_t *output, int8_t *scratch) {
    ts_winograd_run(layer, 4, input, output, scratch);
}

static __attribute__((noinline, unused)) void
ts_winograd_2x2_s8(const struct ts_winograd *layer, const int8_t *input, int8_t *output, int8_t *scratch) {
    ts_winograd_run(layer, 2, input, output, scratch);
}

#endif
