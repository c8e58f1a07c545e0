/* An engine to test the firmware with: 100 uint8 in (or TEST_INPUTS), 120 int8 out; each out is the sum of
 * all in, wrapped. */
#include "tinysine/engine.h"

#ifndef TEST_INPUTS
#define TEST_INPUTS 100
#endif

static TS_TENSOR_ALIGNED uint8_t ts_engine_in[TEST_INPUTS];
static TS_TENSOR_ALIGNED uint8_t ts_engine_out[120];

static const uint32_t ts_engine_dims[] = {TEST_INPUTS, 120};
static const struct ts_tensor ts_engine_inputs[] = {{0.5f, 128, TEST_INPUTS, TS_UINT8, 1, ts_engine_dims}};
static const struct ts_tensor ts_engine_outputs[] = {{1.0f, 0, 120, TS_INT8, 1, ts_engine_dims + 1}};

const struct ts_engine ts_engine = {
    .name = "wide",
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
    const uint8_t *in = ts_engine_in;
    uint8_t *out = ts_engine_out;
    uint8_t sum = 0;
    for (int i = 0; i < TEST_INPUTS; i++) {
        sum = (uint8_t)(sum + in[i]);
    }
    for (int i = 0; i < 120; i++) {
        out[i] = sum;
    }
    return TS_OK;
}
