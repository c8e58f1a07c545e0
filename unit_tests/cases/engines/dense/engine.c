/* An engine that anybody could have written: dense int8 layers, one after another, as LiteRT's reference computes
 * them. generate.py writes layers.h out of the .tflite file. */
#include "tinysine/model.h"

struct dense_layer {
    int inputs, outputs, input_zero_point, output_zero_point, lowest, highest;
    const int8_t *weights; /* [outputs][inputs] */
    const int32_t *bias;
    const double *multipliers; /* input scale * weight scale / output scale, of each output */
};

#include "layers.h"

/* Four buffers in the arena: the input, the output, and two for what is between them. */
static int8_t *dense_buffer(int number) {
    return (int8_t *)TS_ARENA + number * ((DENSE_WIDEST + 3) & ~3);
}

const struct ts_engine ts_engine = {
    .name = "dense",
    .model_sha256 = TS_MODEL_SHA256,
    .inputs = ts_model_inputs,
    .outputs = ts_model_outputs,
    .input_count = TS_MODEL_INPUTS,
    .output_count = TS_MODEL_OUTPUTS,
    .reference = TS_REFERENCE_LITERT, /* it rounds once */
    .arena = TS_ARENA,
    .arena_bytes = TS_ARENA_BYTES,
};

int ts_engine_init(void) {
    return dense_buffer(4) <= (int8_t *)TS_ARENA + TS_ARENA_BYTES ? TS_OK : TS_ENGINE;
}

void *ts_engine_input(uint8_t index) {
    (void)index; /* it has one */
    return dense_buffer(0);
}

const void *ts_engine_output(uint8_t index) {
    (void)index;
    return dense_buffer(1);
}

static int8_t dense_output(const struct dense_layer *layer, int row, const int8_t *in) {
    int32_t sum = layer->bias[row];
    for (int i = 0; i < layer->inputs; i++) {
        sum += layer->weights[row * layer->inputs + i] * (in[i] - layer->input_zero_point);
    }
    double scaled = sum * layer->multipliers[row];
    int code = (int)(scaled < 0 ? scaled - 0.5 : scaled + 0.5) + layer->output_zero_point;
    code = code < layer->lowest ? layer->lowest : code;
    return (int8_t)(code > layer->highest ? layer->highest : code);
}

int ts_engine_invoke(void) {
    const int8_t *in = dense_buffer(0);
    for (int number = 0; number < DENSE_LAYERS; number++) {
        const struct dense_layer *layer = &dense_layers[number];
        int8_t *out = dense_buffer(number == DENSE_LAYERS - 1 ? 1 : 2 + number % 2);
        for (int row = 0; row < layer->outputs; row++) {
            out[row] = dense_output(layer, row, in);
        }
        in = out;
    }
    return TS_OK;
}
