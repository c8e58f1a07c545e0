/* An engine to test the firmware with: one int8 in, the same plus one out, at most 127.
 *
 * TEST_TRAPS gives five inputs another meaning: -128 faults, -127 asserts, -126 overflows the stack, 125 uses
 * five kilobytes of it or more, 126 is refused. TEST_INIT_FAULTS makes the start fault, TEST_INIT_REFUSES
 * makes it fail. */
#include "tinysine/engine.h"
#include "tinysine/fault.h"

static uint8_t ts_engine_arena[8];

static TS_TENSOR_ALIGNED int8_t ts_engine_in[1];
static TS_TENSOR_ALIGNED int8_t ts_engine_out[1];

static const TS_FLASH uint32_t ts_engine_dims[] = {1, 1};
static const TS_FLASH struct ts_tensor ts_engine_inputs[] = {{0.03125f, -28, 1, TS_INT8, 2, ts_engine_dims}};
static const TS_FLASH struct ts_tensor ts_engine_outputs[] = {{0.0078125f, 3, 1, TS_INT8, 2, ts_engine_dims}};

const struct ts_engine ts_engine = {
    .name = "add-one-and-a-long-name",
    .model_sha256 = {1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16,
                     17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32},
    .inputs = ts_engine_inputs,
    .outputs = ts_engine_outputs,
    .input_count = 1,
    .output_count = 1,
    .arena = ts_engine_arena,
    .arena_bytes = sizeof ts_engine_arena,
    .reference = TS_REFERENCE_TFLM,
    .flags = TS_FLAG_SIZE,
};

#if defined(TEST_TRAPS) || defined(TEST_INIT_FAULTS)
/* An instruction that no core knows. */
static void ts_engine_fault(void) {
#if defined(__arm__)
    __asm volatile("udf #0");
#else
    __builtin_trap();
#endif
}
#endif

#ifdef TEST_TRAPS
/* The product's own code never recurses; this one does so on purpose. */
static int ts_engine_dig(volatile int left) {
    volatile uint8_t hole[64];
    hole[left & 63] = 1;
    return left == 0 ? 0 : ts_engine_dig(left - 1) + hole[1];
}
#endif

int ts_engine_init(void) {
#ifdef TEST_INIT_FAULTS
    ts_engine_fault();
#endif
#ifdef TEST_INIT_REFUSES
    return -9;
#else
    return TS_OK;
#endif
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
    int code = ts_engine_in[0];
#ifdef TEST_TRAPS
    switch (code) {
    case -128:
        ts_engine_fault();
        break;
    case -127:
        ts_fault_assert();
        break;
    case -126:
        return ts_engine_dig(1000000);
    case 125:
        (void)ts_engine_dig(80);
        break;
    case 126:
        return -7;
    default:
        break;
    }
#endif
    volatile uint8_t *scratch = ts_engine_arena;
    scratch[4] = 1; /* five of the eight bytes are in use */
    ts_engine_out[0] = (int8_t)(code < 127 ? code + 1 : 127);
    return TS_OK;
}
