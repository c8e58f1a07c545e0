/* What bakenn generates, behind tinysine/engine.h. It rounds twice, as TensorFlow Lite Micro does. */
#include "bknn_model.h"
#include "tinysine/model.h"

static TS_TENSOR_ALIGNED int8_t bakenn_input[BKNN_MODEL_INPUT_BYTES];
static TS_TENSOR_ALIGNED int8_t bakenn_output[BKNN_MODEL_OUTPUT_BYTES];

#if BKNN_MODEL_ARENA_SIZE
static uint8_t bakenn_memory[BKNN_MODEL_ARENA_SIZE] __attribute__((aligned(BKNN_MODEL_ARENA_ALIGNMENT)));
#define BAKENN_ARENA bakenn_memory
#else
#define BAKENN_ARENA 0
#endif

const struct ts_engine ts_engine = {
    .name = "bakenn",
    .model_sha256 = TS_MODEL_SHA256,
    .inputs = ts_model_inputs,
    .outputs = ts_model_outputs,
    .input_count = TS_MODEL_INPUTS,
    .output_count = TS_MODEL_OUTPUTS,
    .reference = TS_REFERENCE_TFLM,
    .arena = BAKENN_ARENA,
    .arena_bytes = BKNN_MODEL_ARENA_SIZE,
};

int ts_engine_init(void) {
    return TS_OK;
}

void *ts_engine_input(uint8_t index) {
    (void)index; /* it has one */
    return bakenn_input;
}

const void *ts_engine_output(uint8_t index) {
    (void)index;
    return bakenn_output;
}

int ts_engine_invoke(void) {
    bknn_model_infer(BAKENN_ARENA, bakenn_input, bakenn_output);
    return TS_OK;
}
