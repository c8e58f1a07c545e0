/* Means and greatest codes of windows, channel by channel; taps beyond the image do not count. */
#ifndef TINYSINE_ENGINE_POOL_H
#define TINYSINE_ENGINE_POOL_H

#include <stdint.h>

#include "tinysine/flash.h"
#include "tinysine/quantize.h"

struct ts_pool {
    uint16_t images;
    uint16_t rows;
    uint16_t columns;
    uint16_t channels;
    uint16_t output_rows;
    uint16_t output_columns;
    uint16_t rows_before; /* of padding, before the first row of the image */
    uint16_t columns_before;
    uint8_t kernel_rows;
    uint8_t kernel_columns;
    uint8_t row_stride;
    uint8_t column_stride;
    int8_t clamp_min;
    int8_t clamp_max;
};

/* The taps of one window that are inside the image; at least one. */
struct ts_pool_taps {
    const int8_t *first;
    unsigned rows;
    unsigned columns;
};

/* From an image of this size to the part of it that a window sees: where that begins, and how long it is. */
static inline unsigned ts_pool_along(int start, unsigned taps, unsigned size, unsigned *first) {
    int const end = start + (int)taps;
    *first = start < 0 ? 0 : (unsigned)start;
    return (end > (int)size ? size : (unsigned)end) - *first;
}

/* Writes all channels of one window, from the given one on. */
typedef void ts_pool_window(const TS_FLASH struct ts_pool *layer, struct ts_pool_taps taps, int8_t *output);

static inline __attribute__((always_inline)) void ts_pool_windows(const TS_FLASH struct ts_pool *layer,
                                                                  const int8_t *input, int8_t *output,
                                                                  ts_pool_window *window) {
    uint32_t const channels = layer->channels;
    for (unsigned image = layer->images; image > 0; image--) {
        int top = -(int)layer->rows_before;
        for (unsigned y = layer->output_rows; y > 0; y--, top += layer->row_stride) {
            int left = -(int)layer->columns_before;
            unsigned row;
            unsigned const rows = ts_pool_along(top, layer->kernel_rows, layer->rows, &row);
            for (unsigned x = layer->output_columns; x > 0; x--, left += layer->column_stride) {
                struct ts_pool_taps taps = {.rows = rows};
                unsigned column;
                taps.columns = ts_pool_along(left, layer->kernel_columns, layer->columns, &column);
                taps.first = input + ((uint32_t)row * layer->columns + column) * channels;
                window(layer, taps, output);
                output += channels;
            }
        }
        input += (uint32_t)layer->rows * layer->columns * channels;
    }
}

/* sum / count, halves away from zero. */
static inline int8_t ts_pool_mean(const TS_FLASH struct ts_pool *layer, int32_t sum, uint32_t count) {
    uint32_t const size = (uint32_t)(sum < 0 ? -sum : sum);
    int32_t const mean = (int32_t)((size + count / 2) / count);
    return (int8_t)ts_clamp(sum < 0 ? -mean : mean, layer->clamp_min, layer->clamp_max);
}

static inline void ts_average_channels(const TS_FLASH struct ts_pool *layer, struct ts_pool_taps taps,
                                       unsigned channel, int8_t *output) {
    uint32_t const count = (uint32_t)taps.rows * taps.columns;
    uint32_t const to_next_row = (uint32_t)layer->columns * layer->channels;
    for (; channel < layer->channels; channel++) {
        const int8_t *row = taps.first + channel;
        int32_t sum = 0;
        for (unsigned y = taps.rows; y > 0; y--, row += to_next_row) {
            const int8_t *in = row;
            for (unsigned x = taps.columns; x > 0; x--, in += layer->channels) {
                sum += *in;
            }
        }
        output[channel] = ts_pool_mean(layer, sum, count);
    }
}

static inline void ts_max_channels(const TS_FLASH struct ts_pool *layer, struct ts_pool_taps taps,
                                   unsigned channel, int8_t *output) {
    uint32_t const to_next_row = (uint32_t)layer->columns * layer->channels;
    for (; channel < layer->channels; channel++) {
        const int8_t *row = taps.first + channel;
        int32_t greatest = INT8_MIN;
        for (unsigned y = taps.rows; y > 0; y--, row += to_next_row) {
            const int8_t *in = row;
            for (unsigned x = taps.columns; x > 0; x--, in += layer->channels) {
                greatest = *in > greatest ? *in : greatest;
            }
        }
        output[channel] = (int8_t)ts_clamp(greatest, layer->clamp_min, layer->clamp_max);
    }
}

static inline void ts_average_window(const TS_FLASH struct ts_pool *layer, struct ts_pool_taps taps,
                                     int8_t *output) {
    ts_average_channels(layer, taps, 0, output);
}

static inline void ts_max_window(const TS_FLASH struct ts_pool *layer, struct ts_pool_taps taps,
                                 int8_t *output) {
    ts_max_channels(layer, taps, 0, output);
}

/* input and output must not overlap. */
static __attribute__((noinline, unused)) void ts_average_pool_s8(const TS_FLASH struct ts_pool *layer,
                                                                 const int8_t *input, int8_t *output) {
    ts_pool_windows(layer, input, output, ts_average_window);
}

/* input and output must not overlap. */
static __attribute__((noinline, unused)) void ts_max_pool_s8(const TS_FLASH struct ts_pool *layer,
                                                             const int8_t *input, int8_t *output) {
    ts_pool_windows(layer, input, output, ts_max_window);
}

#endif
