/* One int8 fully-connected layer in plain C, for any core.
 *
 * The input's zero point is folded into the bias at generation time, so that the inner loop multiplies codes
 * as they are. The rounding is a constant where it is called, and folds away. */
#ifndef TINYSINE_ENGINE_FULLY_CONNECTED_S8_H
#define TINYSINE_ENGINE_FULLY_CONNECTED_S8_H

#include "engine/requantize.h"
#include "tinysine/engine.h"

struct ts_channel {
    int32_t bias; /* input zero point folded in */
    int32_t multiplier;
    uint8_t right_shift;
};

struct ts_layer {
    const int8_t *weights;             /* [outputs][inputs] */
    const struct ts_channel *channels; /* [outputs] */
    uint16_t inputs;
    uint16_t outputs;
    int8_t zero_point; /* of the output */
    int8_t clamp_min;
    int8_t clamp_max;
};

static inline void ts_fully_connected_s8(const struct ts_layer *layer, enum ts_rounding rounding,
                                         const int8_t *input, int8_t *output) {
    const int8_t *weight = layer->weights;
    const struct ts_channel *channel = layer->channels;
    for (int8_t *const end = output + layer->outputs; output != end; output++, channel++) {
        int32_t acc = channel->bias;
        for (const int8_t *in = input, *const last = input + layer->inputs; in != last; in++) {
            acc += *weight++ * *in;
        }
        int32_t const scaled = rounding == TS_ROUNDING_LITERT
                                   ? ts_requantize_single(acc, channel->multiplier, channel->right_shift)
                                   : ts_requantize_double(acc, channel->multiplier, channel->right_shift);
        *output = (int8_t)ts_clamp(scaled + layer->zero_point, layer->clamp_min, layer->clamp_max);
    }
}

#endif
