/* A stand-in for TensorFlow Lite Micro: the names of its public interface that the adapter uses, and no line of it. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#ifndef TF_LITE_STATIC_MEMORY
#error "TensorFlow Lite Micro's own builds define it, and TfLiteTensor depends on it"
#endif

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1 };
enum TfLiteType { kTfLiteInt8 = 9 };

struct TfLiteTensor {
    TfLiteType type;
    union {
        char *raw;
        int8_t *int8;
    } data;
    size_t bytes;
};
