/* An engine to test the firmware with: three float32 in, two out: their sum, and the last times two. */
#include "tinysine/engine.h"

static float ts_engine_in[3];
static float ts_engine_out[2];

static const uint32_t ts_engine_dims[] = {1, 3, 2};
static const struct ts_tensor ts_engine_inputs[] = {{0.0f, 0, 12, TS_FLOAT32, 2, ts_engine_dims}};
static const struct ts_tensor ts_engine_outputs[] = {{0.0f, 0, 8, TS_FLOAT32, 1, ts_engine_dims + 2}};

const struct ts_engine ts_engine = {
    .name = "float",
    .inputs = ts_engine_inputs,
    .outputs = ts_engine_outputs,
    .input_count = 1,
    .output_count = 1,
};

int ts_engine_init(void) {
    return TS_OK;
}

void *ts_engine_input(uint8_t index) {
    (void)index;
    return ts_engine_in;
}

const void *ts_engine_output(uint8_t index) {
    (void)index;
    return ts_engine_out;
}

int ts_engine_invoke(void) {
    const float *in = ts_engine_in;
    float *out = ts_engine_out;
    out[0] = in[0] + in[1] + in[2];
    out[1] = in[2] * 2.0f;
    return TS_OK;
}
