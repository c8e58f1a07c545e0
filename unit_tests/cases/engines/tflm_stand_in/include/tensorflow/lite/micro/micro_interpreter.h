#pragma once

#include "tensorflow/lite/micro/micro_mutable_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace tflite {

class MicroInterpreter {
  public:
    MicroInterpreter(const Model *model, const MicroOpResolver &resolver, uint8_t *arena, size_t arena_size);
    ~MicroInterpreter();

    TfLiteStatus AllocateTensors();
    TfLiteStatus Invoke();
    size_t inputs_size() const;
    size_t outputs_size() const;
    TfLiteTensor *input(size_t index);
    TfLiteTensor *output(size_t index);
    size_t arena_used_bytes() const;

  private:
    bool allocate(size_t index);

    const uint8_t *model_;
    const MicroOpResolver &resolver_;
    uint8_t *arena_;
    size_t head_ = 0; /* activations, from the front */
    size_t tail_;     /* what is kept, from the end */
    size_t size_;
    TfLiteTensor *tensors_ = nullptr;
};

} // namespace tflite
