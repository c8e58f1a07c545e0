/* TensorFlow Lite Micro behind tinysine/engine.h. */
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

#include <string.h>

#include "operators.h" /* generated: TFLM_OPERATORS, TFLM_INPUT_BYTES, tflm_add_operators */
#include "tinysine/model.h"

namespace {

/* Placement new that needs no C++ library, and that does not clash with one. */
struct Place {
    void *bytes;
};

using Resolver = tflite::MicroMutableOpResolver<TFLM_OPERATORS>;

alignas(Resolver) uint8_t resolver_bytes[sizeof(Resolver)];
alignas(tflite::MicroInterpreter) uint8_t interpreter_bytes[sizeof(tflite::MicroInterpreter)];
tflite::MicroInterpreter *interpreter;

/* The interpreter's own inputs may be overwritten once they are used. They stay where they are. */
alignas(16) uint8_t inputs[TFLM_INPUT_BYTES];
char *interpreters_inputs[TS_MODEL_INPUTS];

bool matches(const TfLiteTensor *tensor, const struct ts_tensor &expected) {
    return tensor != nullptr && tensor->bytes == expected.bytes && tensor->type == expected.dtype;
}

bool matches_model() {
    bool same = interpreter->inputs_size() == TS_MODEL_INPUTS;
    same = same && interpreter->outputs_size() == TS_MODEL_OUTPUTS;
    for (uint8_t i = 0; same && i < TS_MODEL_INPUTS; i++) {
        same = matches(interpreter->input(i), ts_model_inputs[i]);
    }
    for (uint8_t i = 0; same && i < TS_MODEL_OUTPUTS; i++) {
        same = matches(interpreter->output(i), ts_model_outputs[i]);
    }
    return same;
}

} // namespace

inline void *operator new(size_t, Place place) noexcept {
    return place.bytes;
}

extern "C" {

#if !defined(__unix__) && !defined(__APPLE__)
/* A C library's own would print and end a process, and a board has none. A trap leaves a record of where it was. */
[[noreturn]] void abort(void) {
    __builtin_trap();
}

[[noreturn]] void __assert_func(const char *, int, const char *, const char *) {
    __builtin_trap();
}
#endif

const struct ts_engine ts_engine = {
    "tflm",
    TS_MODEL_SHA256,
    ts_model_inputs,
    ts_model_outputs,
    TS_MODEL_INPUTS,
    TS_MODEL_OUTPUTS,
    TS_MODEL_REFERENCE,
    0,
    TS_ARENA,
    TS_ARENA_BYTES,
};

int ts_engine_init(void) {
    const tflite::Model *model = tflite::GetModel(ts_model);
    Resolver *resolver = new (Place{resolver_bytes}) Resolver();
    if (tflm_add_operators(*resolver) != kTfLiteOk) {
        return TS_ENGINE;
    }
    interpreter =
        new (Place{interpreter_bytes}) tflite::MicroInterpreter(model, *resolver, TS_ARENA, TS_ARENA_BYTES);
    if (interpreter->AllocateTensors() != kTfLiteOk || !matches_model()) {
        return TS_ENGINE;
    }
    for (uint8_t i = 0; i < TS_MODEL_INPUTS; i++) {
        interpreters_inputs[i] = interpreter->input(i)->data.raw;
    }
    ts_arena_told_bytes = (uint32_t)interpreter->arena_used_bytes();
    return TS_OK;
}

void *ts_engine_input(uint8_t index) {
    uint32_t at = 0;
    for (uint8_t i = 0; i < index; i++) {
        at += (ts_model_inputs[i].bytes + 15u) & ~15u;
    }
    return inputs + at;
}

const void *ts_engine_output(uint8_t index) {
    return interpreter->output(index)->data.raw;
}

int ts_engine_invoke(void) {
    for (uint8_t i = 0; i < TS_MODEL_INPUTS; i++) {
        memcpy(interpreters_inputs[i], ts_engine_input(i), ts_model_inputs[i].bytes);
    }
    return interpreter->Invoke() == kTfLiteOk ? TS_OK : TS_ENGINE;
}
}
