#pragma once

#include <stdint.h>

namespace tflite {

struct Model; /* the first byte of a .tflite file */

inline const Model *GetModel(const void *file) {
    return static_cast<const Model *>(file);
}

} // namespace tflite
