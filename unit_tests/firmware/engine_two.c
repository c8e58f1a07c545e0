/* An engine to test the firmware with: two inputs, 300 int16 and two float32, and two outputs: 400 int16, each the
 * sum of the int16 plus its place, wrapped, and the two float32 added. */
#include "tinysine/engine.h"

static TS_TENSOR_ALIGNED int16_t ts_engine_codes[300];
static float ts_engine_reals[2];
static TS_TENSOR_ALIGNED int16_t ts_engine_sums[400];
static float ts_engine_sum;

static const uint32_t ts_engine_dims[] = {1, 20, 15, 2, 400};
static const struct ts_tensor ts_engine_inputs[] = {
    {0.25f, 0, 600, TS_INT16, 3, ts_engine_dims},
    {0.0f, 0, 8, TS_FLOAT32, 1, ts_engine_dims + 3},
};
static const struct ts_tensor ts_engine_outputs[] = {
    {0.5f, 0, 800, TS_INT16, 1, ts_engine_dims + 4},
    {0.0f, 0, 4, TS_FLOAT32, 0, 0},
};

const struct ts_engine ts_engine = {
    .name = "two",
    .inputs = ts_engine_inputs,
    .outputs = ts_engine_outputs,
    .input_count = 2,
    .output_count = 2,
    .reference = TS_REFERENCE_UNTOLD,
};

int ts_engine_init(void) {
    return TS_OK;
}

void *ts_engine_input(uint8_t index) {
    return index == 0 ? (void *)ts_engine_codes : (void *)ts_engine_reals;
}

const void *ts_engine_output(uint8_t index) {
    return index == 0 ? (const void *)ts_engine_sums : (const void *)&ts_engine_sum;
}

int ts_engine_invoke(void) {
    uint16_t sum = 0;
    for (int i = 0; i < 300; i++) {
        sum = (uint16_t)(sum + (uint16_t)ts_engine_codes[i]);
    }
    for (int i = 0; i < 400; i++) {
        ts_engine_sums[i] = (int16_t)(sum + i);
    }
    ts_engine_sum = ts_engine_reals[0] + ts_engine_reals[1];
    return TS_OK;
}
