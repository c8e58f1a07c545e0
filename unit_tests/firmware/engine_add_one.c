/* An engine to test the firmware with: one int8 in, the same plus one out (saturating). scale 1/32, zero
 * point -28. Two inputs are traps: -128 faults, 127 refuses, -127 asserts. */
#include "tinysine/engine.h"
#include "tinysine/fault.h"

#ifndef TEST_FAULT_CODE
#define TEST_FAULT_CODE 1000
#endif

const struct ts_engine ts_engine = {
    .name = "add-one",
    .model_sha256 = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
                     17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32},
    .input = {0.03125f, -28, 1, TS_INT8},
    .output = {0.0078125f, 3, 1, TS_INT8},
    .rounding = TS_ROUNDING_LITERT,
    .flags = 0,
};

int ts_engine_init(void) {
    return TS_OK;
}

int ts_engine_invoke(const void *input, void *output) {
    int code = *(const int8_t *)input;
    *(int8_t *)output = (int8_t)(code < 127 ? code + 1 : 127);
    return TS_OK;
}
