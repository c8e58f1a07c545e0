/* The engine's requantisation for arrays of accumulators; TS_ENGINE_REFERENCE is given when compiling. */
#include "engine/plain.h"
#include "engine/requantize.h"

void in_64_bits(const int32_t *acc, int32_t *out, uint32_t count, int32_t multiplier, uint32_t right_shift);
void in_32_bits(const int32_t *acc, int32_t *out, uint32_t count, int32_t multiplier, uint32_t shift);
void in_parts(const int32_t *acc, int32_t *out, uint32_t count, int32_t multiplier, uint32_t shift);

void in_64_bits(const int32_t *acc, int32_t *out, uint32_t count, int32_t multiplier, uint32_t right_shift) {
    for (uint32_t i = 0; i < count; i++) {
        out[i] = ts_requantize(acc[i], multiplier, right_shift);
    }
}

void in_32_bits(const int32_t *acc, int32_t *out, uint32_t count, int32_t multiplier, uint32_t shift) {
    for (uint32_t i = 0; i < count; i++) {
        out[i] = ts_requantize_short(acc[i], multiplier, shift);
    }
}

void in_parts(const int32_t *acc, int32_t *out, uint32_t count, int32_t multiplier, uint32_t shift) {
    struct ts_split_channel const channel = {
        .low = multiplier & 0x7FF,
        .middle = multiplier >> 11 & 0x7FF,
        .high = (uint16_t)(multiplier >> 22),
        .shift = (uint16_t)shift,
    };
    for (uint32_t i = 0; i < count; i++) {
        out[i] = ts_split_requantize(acc[i], &channel);
    }
}
