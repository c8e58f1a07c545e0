/* A stand-in for TensorFlow Lite Micro: dense layers and RESHAPE, in int8, rounded twice as the real one does.
 * It takes its arena from both ends, and overwrites an input once it is used, as the real one may. */
#include "tensorflow/lite/micro/micro_interpreter.h"

#include <math.h>
#include <string.h>

namespace tflite {
namespace {

enum { FULLY_CONNECTED = 9, RESHAPE = 22, ALIGNMENT = 16 };

/* One value or table of a FlatBuffer, wherever it lies. */
struct Place {
    const uint8_t *at;

    template <typename T> T read(size_t offset = 0) const {
        T value;
        memcpy(&value, at + offset, sizeof value);
        return value;
    }
    Place behind_offset() const {
        return {at + read<uint32_t>()};
    }
    Place field(unsigned number) const {
        Place table = {at - read<int32_t>()};
        uint16_t offset = 4 + 2 * number < table.read<uint16_t>() ? table.read<uint16_t>(4 + 2 * number) : 0;
        return {offset == 0 ? nullptr : at + offset};
    }
    Place child(unsigned number) const {
        Place offset = field(number);
        return offset.at == nullptr ? offset : offset.behind_offset();
    }
    template <typename T> T value(unsigned number, T otherwise) const {
        Place place = field(number);
        return place.at == nullptr ? otherwise : place.read<T>();
    }
    uint32_t length() const {
        return at == nullptr ? 0 : read<uint32_t>();
    }
    template <typename T> T item(uint32_t index) const {
        return read<T>(4 + index * sizeof(T));
    }
    Place row(uint32_t index) const {
        return Place{at + 4 + 4 * index}.behind_offset();
    }
};

Place root(const uint8_t *file) {
    return Place{file}.behind_offset();
}

Place graph(const uint8_t *file) {
    return root(file).child(2).row(0);
}

Place tensor(const uint8_t *file, int32_t index) {
    return graph(file).child(0).row(index);
}

Place data(const uint8_t *file, int32_t index) {
    return root(file).child(4).row(tensor(file, index).value<uint32_t>(2, 0)).child(0);
}

int32_t elements(const uint8_t *file, int32_t index) {
    Place shape = tensor(file, index).child(0);
    int32_t count = 1;
    for (uint32_t i = 0; i < shape.length(); i++) {
        count *= shape.item<int32_t>(i);
    }
    return count;
}

Place scales(const uint8_t *file, int32_t index) {
    return tensor(file, index).child(4).child(2);
}

int32_t zero_point(const uint8_t *file, int32_t index) {
    Place points = tensor(file, index).child(4).child(3);
    return points.length() == 0 ? 0 : (int32_t)points.item<int64_t>(0);
}

int32_t builtin(const uint8_t *file, Place op) {
    Place code = root(file).child(1).row(op.value<uint32_t>(0, 0));
    int32_t old = code.value<int8_t>(0, 0);
    int32_t now = code.value<int32_t>(3, 0);
    return now > old ? now : old;
}

int32_t requantize(int32_t sum, double factor) {
    int exponent = 0;
    int64_t mantissa = llround(frexp(factor, &exponent) * 2147483648.0);
    if (mantissa == 2147483648LL) {
        mantissa /= 2;
        exponent++;
    }
    int64_t product = ((int64_t)sum << (exponent > 0 ? exponent : 0)) * mantissa;
    int32_t high = (int32_t)((product + (product >= 0 ? 1 << 30 : 1 - (1 << 30))) / 2147483648LL);
    int shift = exponent < 0 ? -exponent : 0;
    int32_t mask = (int32_t)((1LL << shift) - 1);
    int32_t threshold = (mask >> 1) + (high < 0 ? 1 : 0);
    return (high >> shift) + ((high & mask) > threshold ? 1 : 0);
}

void dense(const uint8_t *file, Place op, const int8_t *from, int8_t *to) {
    Place ins = op.child(1);
    int32_t in = ins.item<int32_t>(0);
    int32_t weights = ins.item<int32_t>(1);
    int32_t bias = ins.length() > 2 ? ins.item<int32_t>(2) : -1;
    int32_t out = op.child(2).item<int32_t>(0);
    int32_t depth = tensor(file, weights).child(0).item<int32_t>(1);
    int32_t width = tensor(file, weights).child(0).item<int32_t>(0);
    Place options = op.child(4);
    int32_t activation = options.at == nullptr ? 0 : options.value<int8_t>(0, 0);
    float out_scale = scales(file, out).item<float>(0);
    int32_t least = activation == 0 ? -128 : zero_point(file, out);
    int32_t most = activation == 3 ? zero_point(file, out) + (int32_t)lround(6.0 / (double)out_scale) : 127;
    for (int32_t i = 0; i < elements(file, out); i++) {
        int32_t row = i % width;
        int32_t sum = bias < 0 ? 0 : data(file, bias).item<int32_t>(row);
        for (int32_t k = 0; k < depth; k++) {
            int32_t input = from[i / width * depth + k] - zero_point(file, in);
            sum += data(file, weights).item<int8_t>(row * depth + k) * input;
        }
        Place weight_scales = scales(file, weights);
        double scale = (double)weight_scales.item<float>(weight_scales.length() > 1 ? row : 0);
        double factor = (double)scales(file, in).item<float>(0) * scale / (double)out_scale;
        int32_t code = requantize(sum, factor) + zero_point(file, out);
        least = least < -128 ? -128 : least;
        most = most > 127 ? 127 : most;
        to[i] = (int8_t)(code < least ? least : code > most ? most : code);
    }
}

} // namespace

MicroInterpreter::MicroInterpreter(const Model *model, const MicroOpResolver &resolver, uint8_t *arena,
                                   size_t arena_size)
    : model_(reinterpret_cast<const uint8_t *>(model)), resolver_(resolver), arena_(arena), tail_(arena_size),
      size_(arena_size) {
}

MicroInterpreter::~MicroInterpreter() {
}

bool MicroInterpreter::allocate(size_t index) {
    TfLiteTensor *made = tensors_ + index;
    Place stored = data(model_, (int32_t)index);
    made->type = (TfLiteType)tensor(model_, (int32_t)index).value<int8_t>(1, 0);
    made->bytes = stored.length();
    made->data.raw = nullptr;
    if (stored.length() == 0) {
        made->bytes = (size_t)elements(model_, (int32_t)index);
        size_t needed = (made->bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        if (made->type != kTfLiteInt8 || head_ + needed > tail_) {
            return false;
        }
        made->data.raw = (char *)arena_ + head_;
        head_ += needed;
    }
    return true;
}

TfLiteStatus MicroInterpreter::AllocateTensors() {
    Place ops = graph(model_).child(3);
    for (uint32_t i = 0; i < ops.length(); i++) {
        if (!resolver_.has(builtin(model_, ops.row(i)))) {
            return kTfLiteError;
        }
    }
    size_t count = graph(model_).child(0).length();
    size_t kept = (count * sizeof(TfLiteTensor) + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (kept + ALIGNMENT > tail_) {
        return kTfLiteError;
    }
    tail_ = (tail_ - kept) / ALIGNMENT * ALIGNMENT;
    tensors_ = reinterpret_cast<TfLiteTensor *>(arena_ + tail_);
    for (size_t i = 0; i < count; i++) {
        if (!allocate(i)) {
            return kTfLiteError;
        }
    }
    return kTfLiteOk;
}

TfLiteStatus MicroInterpreter::Invoke() {
    Place ops = graph(model_).child(3);
    for (uint32_t i = 0; i < ops.length(); i++) {
        Place op = ops.row(i);
        TfLiteTensor *from = tensors_ + op.child(1).item<int32_t>(0);
        TfLiteTensor *to = tensors_ + op.child(2).item<int32_t>(0);
        if (builtin(model_, op) == RESHAPE) {
            memcpy(to->data.raw, from->data.raw, to->bytes);
        } else {
            dense(model_, op, from->data.int8, to->data.int8);
        }
        memset(from->data.raw, 0x55, from->bytes);
    }
    return kTfLiteOk;
}

size_t MicroInterpreter::inputs_size() const {
    return graph(model_).child(1).length();
}

size_t MicroInterpreter::outputs_size() const {
    return graph(model_).child(2).length();
}

TfLiteTensor *MicroInterpreter::input(size_t index) {
    return tensors_ + graph(model_).child(1).item<int32_t>((uint32_t)index);
}

TfLiteTensor *MicroInterpreter::output(size_t index) {
    return tensors_ + graph(model_).child(2).item<int32_t>((uint32_t)index);
}

size_t MicroInterpreter::arena_used_bytes() const {
    return head_ + size_ - tail_;
}

} // namespace tflite
