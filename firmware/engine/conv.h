/* Any convolution, in plain C: each output channel sums over a window of the input channels of its group. */
#ifndef TINYSINE_ENGINE_CONV_H
#define TINYSINE_ENGINE_CONV_H

#include <stdint.h>

#include "engine/requantize.h"
#include "tinysine/engine.h"
#include "tinysine/flash.h"

struct ts_scaled_channel {
    int32_t bias;
    int32_t multiplier;
    uint32_t right_shift;
};

struct ts_conv {
    const TS_FLASH int8_t *weights; /* [outputs][kernel_rows][kernel_columns][group_inputs] */
    const TS_FLASH struct ts_scaled_channel *channels; /* [outputs] */
    uint16_t images;
    uint16_t rows;
    uint16_t columns;
    uint16_t inputs;
    uint16_t output_rows;
    uint16_t output_columns;
    uint16_t outputs;
    uint16_t group_inputs;
    uint16_t group_outputs;
    uint16_t rows_before; /* of padding, before the first row of the image */
    uint16_t columns_before;
    uint8_t kernel_rows;
    uint8_t kernel_columns;
    uint8_t row_stride;
    uint8_t column_stride;
    uint8_t row_dilation;
    uint8_t column_dilation;
    int8_t input_zero_point;
    int8_t output_zero_point;
    int8_t clamp_min;
    int8_t clamp_max;
};

/* The sum of one output; top and left are the window's first row and column, negative in the padding. */
static inline int32_t ts_conv_sum(const TS_FLASH struct ts_conv *layer, const int8_t *input,
                                  const TS_FLASH int8_t *weights, int32_t bias, int top, int left) {
    unsigned const group_inputs = layer->group_inputs;
    int32_t const zero_point = layer->input_zero_point;
    /* Unsigned: a sum on its way may leave int32, the whole of it does not. */
    uint32_t acc = (uint32_t)bias;
    int row = top;
    for (unsigned y = layer->kernel_rows; y > 0; y--, row += layer->row_dilation) {
        int column = left;
        for (unsigned x = layer->kernel_columns; x > 0; x--, column += layer->column_dilation) {
            if (row < 0 || row >= layer->rows || column < 0 || column >= layer->columns) {
                weights += group_inputs;
                continue;
            }
            const int8_t *in = input + ((uint32_t)row * layer->columns + (uint32_t)column) * layer->inputs;
            for (const TS_FLASH int8_t *const end = weights + group_inputs; weights != end; weights++) {
                acc += (uint32_t)(*weights * (*in++ - zero_point));
            }
        }
    }
    return (int32_t)acc;
}

/* input and output must not overlap. */
static __attribute__((noinline, unused)) void ts_conv_s8(const TS_FLASH struct ts_conv *layer,
                                                         const int8_t *input, int8_t *output) {
    uint32_t const taps = (uint32_t)layer->kernel_rows * layer->kernel_columns * layer->group_inputs;
    for (unsigned image = layer->images; image > 0; image--) {
        int top = -(int)layer->rows_before;
        for (unsigned y = layer->output_rows; y > 0; y--, top += layer->row_stride) {
            int left = -(int)layer->columns_before;
            for (unsigned x = layer->output_columns; x > 0; x--, left += layer->column_stride) {
                const TS_FLASH int8_t *weights = layer->weights;
                const TS_FLASH struct ts_scaled_channel *channel = layer->channels;
                const TS_FLASH struct ts_scaled_channel *const end = channel + layer->outputs;
                const int8_t *group = input;
                while (channel != end) {
                    for (unsigned o = layer->group_outputs; o > 0; o--, channel++, weights += taps) {
                        int32_t const acc = ts_conv_sum(layer, group, weights, channel->bias, top, left);
                        int32_t const scaled =
                            ts_requantize_double(acc, channel->multiplier, channel->right_shift);
                        *output++ = (int8_t)ts_clamp(scaled + layer->output_zero_point, layer->clamp_min,
                                                     layer->clamp_max);
                    }
                    group += layer->group_inputs;
                }
            }
        }
        input += (uint32_t)layer->rows * layer->columns * layer->inputs;
    }
}

#endif
