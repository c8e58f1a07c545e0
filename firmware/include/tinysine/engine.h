/* The inference engine as the rest of the firmware sees it. The generated engine is one implementation; a
 * user's own (TensorFlow Lite Micro, CMSIS-NN, ...) is another: define these names and link. */
#ifndef TINYSINE_ENGINE_H
#define TINYSINE_ENGINE_H

#include <stdint.h>

#include "tinysine/flash.h"
#include "tinysine/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* TensorFlow Lite's tensor type codes. */
enum ts_dtype { TS_FLOAT32 = 0, TS_UINT8 = 3, TS_INT16 = 7, TS_INT8 = 9 };
enum ts_reference {
    TS_REFERENCE_LITERT = 0,
    TS_REFERENCE_TFLM = 1,
    TS_REFERENCE_TFLM_FLOAT32 = 2,
    TS_REFERENCE_UNTOLD = 255,
};
enum { TS_FLAG_PRUNED = 1, TS_FLAG_SIZE = 2 };
enum { TS_RANK_MAX = 8 };

/* One input or output of the model. real = scale * (code - zero_point); scale is 0 for float32. */
struct ts_tensor {
    float scale;
    int32_t zero_point;
    uint32_t bytes; /* of one inference: the product of dims times the dtype's bytes; below 2^24 */
    uint8_t dtype;  /* enum ts_dtype */
    uint8_t rank;   /* of dims; at most TS_RANK_MAX */
    const TS_FLASH uint32_t *dims;
};

struct ts_engine {
    const char *name; /* at most 15 characters */
    uint8_t model_sha256[32];
    const TS_FLASH struct ts_tensor *inputs; /* in the order of the .tflite file */
    const TS_FLASH struct ts_tensor *outputs;
    uint8_t input_count;
    uint8_t output_count;
    uint8_t reference; /* enum ts_reference */
    uint8_t flags;     /* TS_FLAG_... */
    /* Where activations live, NULL and 0 where they need no memory. The firmware paints it before
     * ts_engine_init and measures how much of it was used. */
    uint8_t *arena;
    uint32_t arena_bytes;
};

extern const struct ts_engine ts_engine;

/* For the buffers of inputs and outputs: AVR loads from any address. */
#ifdef __AVR__
#define TS_TENSOR_ALIGNED
#else
#define TS_TENSOR_ALIGNED __attribute__((aligned(4)))
#endif

/* Prepares the engine. Called once after reset, before any other function. */
TS_MUST_CHECK int ts_engine_init(void);

/* The engine's own buffer of one input or output: ts_engine.inputs[index].bytes, outputs[index].bytes. It stays
 * where it is from ts_engine_init on, and is aligned as TS_TENSOR_ALIGNED says. index is one
 * that exists. */
void *ts_engine_input(uint8_t index);
const void *ts_engine_output(uint8_t index);

/* A tensor that an operator of the model writes. */
struct ts_layer {
    struct ts_tensor tensor;
    const char *name;         /* for people */
    uint16_t operator_number; /* in the .tflite file, from 0 */
    uint8_t output;           /* which of the operator's outputs, from 0 */
};

/* Optional, of an engine whose engine.toml says `layers = true`: what ts_model_layers[index] of tinysine/model.h held in
 * the last inference, tensor.bytes; 0 for one that the engine does not show, from ts_engine_init on. */
const void *ts_engine_layer_output(uint16_t index);

/* One inference: from what the inputs hold to the outputs. The inputs keep what they hold, float32 inputs are
 * finite. Outputs stay until the next call. */
TS_MUST_CHECK int ts_engine_invoke(void);

#ifdef __cplusplus
}
#endif

#endif
