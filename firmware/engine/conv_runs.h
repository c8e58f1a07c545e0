/* A convolution without groups, in plain C. The taps of a window's row lie side by side, in the image as in the weights:
 * a run of bytes. Each input is loaded once for several output channels.
 *
 * The bias holds the whole window's zero points already, so that a run is a plain dot product. The padding is left out,
 * and the zero points of the taps there are given back. */
#ifndef TINYSINE_ENGINE_CONV_RUNS_H
#define TINYSINE_ENGINE_CONV_RUNS_H

#include "engine/conv.h"

/* How many output channels at a time, and their dot products with one run: acc[i] is that of weights + i * taps. A
 * function of its own, so that its loop has all registers to itself. */
#if defined(__ARM_ARCH_6M__) || defined(__AVR__)
#define TS_RUN_CHANNELS 2

static __attribute__((noinline)) void ts_run_dot(const TS_FLASH int8_t *weights, uint32_t taps,
                                                 const int8_t *input, int count, uint32_t *acc) {
    const TS_FLASH int8_t *const other = weights + taps;
    uint32_t acc0 = acc[0];
    uint32_t acc1 = acc[1];
    for (int i = count - 1; i >= 0; i--) { /* one index for three pointers */
        int const code = input[i];
        acc0 += (uint32_t)(weights[i] * code);
        acc1 += (uint32_t)(other[i] * code);
    }
    acc[0] = acc0;
    acc[1] = acc1;
}
#else
#define TS_RUN_CHANNELS 4

/* The empty statement keeps GCC from summing in another order, for which it has not enough registers. */
#define TS_RUN_STEP(at)                                                                                      \
    do {                                                                                                     \
        int const code = input[at];                                                                          \
        acc0 += (uint32_t)(w0[at] * code);                                                                   \
        acc1 += (uint32_t)(w1[at] * code);                                                                   \
        acc2 += (uint32_t)(w2[at] * code);                                                                   \
        acc3 += (uint32_t)(w3[at] * code);                                                                   \
        __asm__("" : "+r"(acc0), "+r"(acc1), "+r"(acc2), "+r"(acc3));                                        \
    } while (0)

static __attribute__((noinline)) void ts_run_dot(const int8_t *w0, uint32_t taps, const int8_t *input,
                                                 int count, uint32_t *acc) {
    const int8_t *w1 = w0 + taps;
    const int8_t *w2 = w1 + taps;
    const int8_t *w3 = w2 + taps;
    uint32_t acc0 = acc[0];
    uint32_t acc1 = acc[1];
    uint32_t acc2 = acc[2];
    uint32_t acc3 = acc[3];
    const int8_t *const end = input + count;
    for (const int8_t *const whole = end - count % 4; input != whole;) {
        TS_RUN_STEP(0);
        TS_RUN_STEP(1);
        TS_RUN_STEP(2);
        TS_RUN_STEP(3);
        input += 4;
        w0 += 4;
        w1 += 4;
        w2 += 4;
        w3 += 4;
    }
    while (input != end) {
        TS_RUN_STEP(0);
        input++;
        w0++;
        w1++;
        w2++;
        w3++;
    }
    acc[0] = acc0;
    acc[1] = acc1;
    acc[2] = acc2;
    acc[3] = acc3;
}
#undef TS_RUN_STEP
#endif

static inline int32_t ts_run_sum(const TS_FLASH int8_t *weights, unsigned count) {
    int32_t sum = 0;
    while (count-- > 0) {
        sum += *weights++;
    }
    return sum;
}

/* Of the taps along one side: the first within the image, and the first behind it. */
struct ts_run_taps {
    int from;
    int to;
};

static inline struct ts_run_taps ts_run_taps_within(int at, int taps, int dilation, int size) {
    struct ts_run_taps within = {0, taps};
    for (; within.from < taps && at < 0; at += dilation) {
        within.from++;
    }
    int end = at + (taps - within.from - 1) * dilation; /* the last tap */
    for (; within.to > within.from && end >= size; end -= dilation) {
        within.to--;
    }
    return within;
}

/* One window: what all its output channels share. */
struct ts_run_window {
    struct ts_run_taps rows;
    struct ts_run_taps columns;
    const int8_t *first; /* the first tap within the image */
};

/* The zero points of the taps in the padding, of one channel. */
static int32_t ts_run_padding(const TS_FLASH struct ts_conv *layer, const struct ts_run_window *window,
                              const TS_FLASH int8_t *weights) {
    unsigned const inputs = layer->inputs;
    int const columns = layer->kernel_columns;
    int32_t sum = 0;
    for (int y = 0; y < layer->kernel_rows; y++, weights += (unsigned)columns * inputs) {
        if (y < window->rows.from || y >= window->rows.to) {
            sum += ts_run_sum(weights, (unsigned)columns * inputs);
            continue;
        }
        sum += ts_run_sum(weights, (unsigned)window->columns.from * inputs);
        sum += ts_run_sum(weights + (unsigned)window->columns.to * inputs,
                          (unsigned)(columns - window->columns.to) * inputs);
    }
    return sum * layer->input_zero_point;
}

/* The sums of TS_RUN_CHANNELS channels, or of one where taps is 0. */
static void ts_run_sums(const TS_FLASH struct ts_conv *layer, const struct ts_run_window *window,
                        const TS_FLASH int8_t *weights, uint32_t taps, uint32_t *acc) {
    unsigned const inputs = layer->inputs;
    int const within = window->columns.to - window->columns.from;
    /* Taps that lie apart are runs of their own. */
    int const runs = layer->column_dilation == 1 ? 1 : within;
    int const count = (layer->column_dilation == 1 ? within : 1) * (int)inputs;
    uint32_t const next_tap = (uint32_t)layer->column_dilation * inputs;
    uint32_t const next_row = (uint32_t)layer->row_dilation * layer->columns * inputs;
    const int8_t *in = window->first;
    unsigned const row_taps = layer->kernel_columns * inputs;
    weights += (unsigned)window->rows.from * row_taps + (unsigned)window->columns.from * inputs;
    for (int y = window->rows.from; y < window->rows.to && count > 0;
         y++, in += next_row, weights += row_taps) {
        const int8_t *run = in;
        const TS_FLASH int8_t *tap = weights;
        for (int x = 0; x < runs; x++, run += next_tap, tap += inputs) {
            ts_run_dot(tap, taps, run, count, acc);
        }
    }
}

/* All output channels of one window. */
static void ts_run_outputs(const TS_FLASH struct ts_conv *layer, const struct ts_run_window *window,
                           int8_t *output) {
    uint32_t const taps = (uint32_t)layer->kernel_rows * layer->kernel_columns * layer->inputs;
    int const whole = window->rows.to - window->rows.from == layer->kernel_rows &&
                      window->columns.to - window->columns.from == layer->kernel_columns;
    const TS_FLASH int8_t *weights = layer->weights;
    const TS_FLASH struct ts_scaled_channel *channel = layer->channels;
    for (unsigned left = layer->outputs; left > 0;) {
        /* Channels that are left over are computed one by one, several times at once. */
        unsigned const channels = left >= TS_RUN_CHANNELS ? TS_RUN_CHANNELS : 1;
        left -= channels;
        uint32_t acc[TS_RUN_CHANNELS];
        for (unsigned i = 0; i < TS_RUN_CHANNELS; i++) {
            acc[i] = (uint32_t)channel[i < channels ? i : 0].bias;
        }
        ts_run_sums(layer, window, weights, channels > 1 ? taps : 0, acc);
        for (unsigned i = 0; i < channels; i++, channel++, weights += taps) {
            uint32_t const padding = whole ? 0 : (uint32_t)ts_run_padding(layer, window, weights);
            int32_t const sum = (int32_t)(acc[i] + padding);
            int32_t const scaled = ts_requantize_double(sum, channel->multiplier, channel->right_shift);
            *output++ =
                (int8_t)ts_clamp(scaled + layer->output_zero_point, layer->clamp_min, layer->clamp_max);
        }
    }
}

/* input and output must not overlap. The biases hold the zero points of whole windows. */
static __attribute__((noinline, unused)) void ts_conv_runs_s8(const TS_FLASH struct ts_conv *layer,
                                                              const int8_t *input, int8_t *output) {
    for (unsigned image = layer->images; image > 0; image--) {
        int top = -(int)layer->rows_before;
        for (unsigned y = layer->output_rows; y > 0; y--, top += layer->row_stride) {
            int left = -(int)layer->columns_before;
            struct ts_run_window window;
            window.rows = ts_run_taps_within(top, layer->kernel_rows, layer->row_dilation, layer->rows);
            int const row = top + window.rows.from * layer->row_dilation;
            for (unsigned x = layer->output_columns; x > 0; x--, left += layer->column_stride) {
                window.columns =
                    ts_run_taps_within(left, layer->kernel_columns, layer->column_dilation, layer->columns);
                int const column = left + window.columns.from * layer->column_dilation;
                window.first = input + ((int32_t)row * layer->columns + column) * layer->inputs;
                ts_run_outputs(layer, &window, output);
                output += layer->outputs;
            }
        }
        input += (uint32_t)layer->rows * layer->columns * layer->inputs;
    }
}

#endif
