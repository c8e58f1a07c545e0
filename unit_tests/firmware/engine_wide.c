/* An engine to test the firmware with: 100 uint8 in (or TEST_INPUTS), 120 int8 out; each out is the sum of
 * all in, wrapped. */
#include "tinysine/engine.h"

#ifndef TEST_INPUTS
#define TEST_INPUTS 100
#endif

const struct ts_engine ts_engine = {
    .name = "wide",
    .input = {0.5f, 128, TEST_INPUTS, TS_UINT8},
    .output = {1.0f, 0, 120, TS_INT8},
};

int ts_engine_init(void) {
    return TS_OK;
}

int ts_engine_invoke(const void *input, void *output) {
    const uint8_t *in = input;
    uint8_t *out = output;
    uint8_t sum = 0;
    for (int i = 0; i < TEST_INPUTS; i++) {
        sum = (uint8_t)(sum + in[i]);
    }
    for (int i = 0; i < 120; i++) {
        out[i] = sum;
    }
    return TS_OK;
}
