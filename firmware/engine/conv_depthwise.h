/* Depthwise convolutions in plain C, of any shape: what of a window lies in the padding is found once, for all channels. */
#ifndef TINYSINE_ENGINE_CONV_DEPTHWISE_H
#define TINYSINE_ENGINE_CONV_DEPTHWISE_H

#include <stdint.h>

#include "engine/conv.h"
#include "engine/requantize.h"
#include "tinysine/engine.h"
#include "tinysine/flash.h"

/* The taps of one axis that meet the image. */
struct ts_taps_inside {
    unsigned first;
    unsigned count;
};

/* start: of the window, negative in the padding before the image. */
static inline struct ts_taps_inside ts_taps_inside(int start, unsigned taps, unsigned dilation,
                                                   unsigned size) {
    unsigned first = 0;
    for (; first < taps && start < 0; first++) {
        start += (int)dilation;
    }
    unsigned count = 0;
    for (; first + count < taps && start < (int)size; count++) {
        start += (int)dilation;
    }
    return (struct ts_taps_inside){first, count};
}

/* The sum of one output: `rows` by `columns` taps, which all meet the image. */
static inline int32_t ts_depthwise_sum(const TS_FLASH struct ts_conv *layer, const int8_t *input,
                                       const TS_FLASH int8_t *weights, uint32_t acc, unsigned rows,
                                       unsigned columns) {
    int32_t const zero_point = layer->input_zero_point;
    uint32_t const step = (uint32_t)layer->column_dilation * layer->inputs;
    uint32_t const next = (uint32_t)layer->row_dilation * layer->columns * layer->inputs;
    for (; rows > 0; rows--, input += next, weights += layer->kernel_columns) {
        if (columns == 3) {
            acc += (uint32_t)(weights[0] * (input[0] - zero_point));
            acc += (uint32_t)(weights[1] * (input[step] - zero_point));
            acc += (uint32_t)(weights[2] * (input[2 * step] - zero_point));
            continue;
        }
        const int8_t *in = input;
        const TS_FLASH int8_t *weight = weights;
        for (unsigned x = columns; x > 0; x--, in += step) {
            acc += (uint32_t)(*weight++ * (*in - zero_point));
        }
    }
    return (int32_t)acc;
}

/* input and output must not overlap. A group has one input. */
static __attribute__((noinline, unused)) void ts_depthwise_s8(const TS_FLASH struct ts_conv *layer,
                                                              const int8_t *input, int8_t *output) {
    unsigned const taps = (unsigned)layer->kernel_rows * layer->kernel_columns;
    for (unsigned image = layer->images; image > 0; image--) {
        int top = -(int)layer->rows_before;
        for (unsigned y = layer->output_rows; y > 0; y--, top += layer->row_stride) {
            struct ts_taps_inside const rows =
                ts_taps_inside(top, layer->kernel_rows, layer->row_dilation, layer->rows);
            int const row = top + (int)(rows.first * layer->row_dilation);
            int left = -(int)layer->columns_before;
            for (unsigned x = layer->output_columns; x > 0; x--, left += layer->column_stride) {
                struct ts_taps_inside const columns =
                    ts_taps_inside(left, layer->kernel_columns, layer->column_dilation, layer->columns);
                int const column = left + (int)(columns.first * layer->column_dilation);
                const int8_t *in = input;
                unsigned height = rows.count;
                if (height == 0 || columns.count == 0) {
                    height = 0; /* all of it is padding: the place is not in the image */
                } else {
                    in += ((uint32_t)row * layer->columns + (uint32_t)column) * layer->inputs;
                }
                const TS_FLASH int8_t *weights =
                    layer->weights + rows.first * layer->kernel_columns + columns.first;
                const TS_FLASH struct ts_scaled_channel *channel = layer->channels;
                for (unsigned i = layer->inputs; i > 0; i--, in++) {
                    for (unsigned o = layer->group_outputs; o > 0; o--, channel++, weights += taps) {
                        int32_t const acc = ts_depthwise_sum(layer, in, weights, (uint32_t)channel->bias,
                                                             height, columns.count);
                        int32_t const scaled =
                            ts_requantize_double(acc, channel->multiplier, channel->right_shift);
                        *output++ = (int8_t)ts_clamp(scaled + layer->output_zero_point, layer->clamp_min,
                                                     layer->clamp_max);
                    }
                }
            }
        }
        input += (uint32_t)layer->rows * layer->columns * layer->inputs;
    }
}

#endif
