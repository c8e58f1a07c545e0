#pragma once

#include "tensorflow/lite/c/common.h"

namespace tflite {

class MicroOpResolver {
  public:
    virtual ~MicroOpResolver() {
    }
    virtual bool has(int32_t builtin) const = 0;

  protected:
    void operator delete(void *) {
    }
};

/* Like the real one it takes at most so many operators, and none twice. */
template <unsigned int most> class MicroMutableOpResolver : public MicroOpResolver {
  public:
    TfLiteStatus AddFullyConnected() {
        return add(9);
    }
    TfLiteStatus AddReshape() {
        return add(22);
    }
    bool has(int32_t builtin) const override {
        for (unsigned int i = 0; i < count_; i++) {
            if (builtins_[i] == builtin) {
                return true;
            }
        }
        return false;
    }

  protected:
    void operator delete(void *) {
    }

  private:
    TfLiteStatus add(int32_t builtin) {
        if (count_ == most || has(builtin)) {
            return kTfLiteError;
        }
        builtins_[count_++] = builtin;
        return kTfLiteOk;
    }

    int32_t builtins_[most];
    unsigned int count_ = 0;
};

} // namespace tflite
