/* The inference engine as the rest of the firmware sees it. The generated engine is one implementation; a
 * user's own (TensorFlow Lite Micro, CMSIS-NN, ...) is another: define these names and link. */
#ifndef TINYSINE_ENGINE_H
#define TINYSINE_ENGINE_H

#include <stdint.h>

#include "tinysine/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* TensorFlow Lite's tensor type codes. */
enum ts_dtype { TS_FLOAT32 = 0, TS_UINT8 = 3, TS_INT8 = 9 };
enum ts_rounding { TS_ROUNDING_LITERT = 0, TS_ROUNDING_TFLM = 1 };
enum { TS_FLAG_PRUNED = 1, TS_FLAG_SIZE = 2 };

/* One end of the model. real = scale * (code - zero_point); scale is 0 for float32. */
struct ts_tensor {
    float scale;
    int32_t zero_point;
    uint16_t count; /* elements per inference */
    uint8_t dtype;  /* enum ts_dtype */
};

struct ts_engine {
    const char *name; /* at most 15 characters */
    uint8_t model_sha256[32];
    struct ts_tensor input;
    struct ts_tensor output;
    /* Where activations live, NULL and 0 where they need no memory. The firmware paints it before
     * ts_engine_init and measures how much of it was used. */
    uint8_t *arena;
    uint32_t arena_bytes;
    uint8_t rounding; /* enum ts_rounding */
    uint8_t flags;    /* TS_FLAG_... */
};

extern const struct ts_engine ts_engine;

/* Prepares the engine. Called once after reset, before any other. */
TS_MUST_CHECK int ts_engine_init(void);

/* One inference. input: ts_engine.input.count elements of its dtype; output likewise; they must not overlap,
 * and need no alignment beyond that of their dtype. float32 inputs are finite. */
TS_MUST_CHECK int ts_engine_invoke(const void *input, void *output);

#ifdef __cplusplus
}
#endif

#endif
