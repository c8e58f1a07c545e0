/* An engine to test the firmware with: three float32 in, two out: their sum, and the last times two. */
#include "tinysine/engine.h"

const struct ts_engine ts_engine = {
    .name = "float",
    .input = {0.0f, 0, 3, TS_FLOAT32},
    .output = {0.0f, 0, 2, TS_FLOAT32},
};

int ts_engine_init(void) {
    return TS_OK;
}

int ts_engine_invoke(const void *input, void *output) {
    const float *in = input;
    float *out = output;
    out[0] = in[0] + in[1] + in[2];
    out[1] = in[2] * 2.0f;
    return TS_OK;
}
