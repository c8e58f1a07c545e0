/* An engine that anybody could have written: a few operators on buffers of their own, in the order of the file, with
 * as many inputs and outputs as it has. generate.py writes graph.h out of the .tflite file: the buffers t0, t1, ...,
 * the constants, and graph_run, which calls the operators below. */
#include "tinysine/model.h"

#define UNUSED __attribute__((unused))

UNUSED static int32_t rounded(double value) {
    return (int32_t)(value < 0 ? value - 0.5 : value + 0.5);
}

UNUSED static int32_t limited(int32_t value, int32_t lowest, int32_t highest) {
    return value < lowest ? lowest : value > highest ? highest : value;
}

/* int8 dense layer, rounded once: multipliers are input scale * weight scale / output scale, of each output. */
UNUSED static void dense_s8(int8_t *out, int outputs, const int8_t *in, int inputs, const int8_t *weights,
                            const int32_t *bias, const double *multipliers, int in_zero, int out_zero,
                            int lowest, int highest) {
    for (int row = 0; row < outputs; row++) {
        int32_t sum = bias[row];
        for (int i = 0; i < inputs; i++) {
            sum += weights[row * inputs + i] * (in[i] - in_zero);
        }
        out[row] = (int8_t)limited(rounded(sum * multipliers[row]) + out_zero, lowest, highest);
    }
}

/* int16 activations, int8 weights, int64 sums, as TensorFlow Lite Micro has them: multipliers have 15 bits behind the
 * point, shifts are to the right. */
UNUSED static void dense_s16(int16_t *out, int outputs, const int16_t *in, int inputs, const int8_t *weights,
                             const int64_t *bias, const int32_t *multipliers, const int *shifts, int lowest,
                             int highest) {
    for (int row = 0; row < outputs; row++) {
        int64_t sum = bias[row];
        for (int i = 0; i < inputs; i++) {
            sum += weights[row * inputs + i] * in[i];
        }
        int64_t half = (int64_t)1 << (shifts[row] - 1);
        out[row] =
            (int16_t)limited((int32_t)((sum * multipliers[row] + half) >> shifts[row]), lowest, highest);
    }
}

/* Weights of dynamic-range models are multiplied by their scales when graph.h is written. */
UNUSED static void dense_f32(float *out, int outputs, const float *in, int inputs, const float *weights,
                             const float *bias, float lowest) {
    for (int row = 0; row < outputs; row++) {
        float sum = bias[row];
        for (int i = 0; i < inputs; i++) {
            sum += weights[row * inputs + i] * in[i];
        }
        out[row] = sum < lowest ? lowest : sum;
    }
}

UNUSED static void quantize(int8_t *out, int count, const float *in, float scale, int zero) {
    for (int i = 0; i < count; i++) {
        float code = in[i] / scale;
        out[i] = (int8_t)limited(rounded(code < -999 ? -999 : code > 999 ? 999 : code) + zero, -128, 127);
    }
}

UNUSED static void dequantize(float *out, int count, const int8_t *in, float scale, int zero) {
    for (int i = 0; i < count; i++) {
        out[i] = scale * (float)(in[i] - zero);
    }
}

UNUSED static void copy(void *out, const void *in, int bytes) {
    for (int i = 0; i < bytes; i++) {
        ((uint8_t *)out)[i] = ((const uint8_t *)in)[i];
    }
}

#include "graph.h"

const struct ts_engine ts_engine = {
    .name = "graph",
    .model_sha256 = TS_MODEL_SHA256,
    .inputs = ts_model_inputs,
    .outputs = ts_model_outputs,
    .input_count = TS_MODEL_INPUTS,
    .output_count = TS_MODEL_OUTPUTS,
    .reference = GRAPH_REFERENCE,
};

int ts_engine_init(void) {
    return TS_OK;
}

void *ts_engine_input(uint8_t index) {
    return graph_inputs[index];
}

const void *ts_engine_output(uint8_t index) {
    return graph_outputs[index];
}

int ts_engine_invoke(void) {
    graph_run();
    return TS_OK;
}
