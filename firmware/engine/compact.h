/* The smallest engine: one loop for every layer, and its constants in one stream of bytes, in the order in
 * which they are read and without padding:
 *
 *     inputs (2 bytes), outputs (2), output zero point (1) [, lower clamp (1), upper clamp (1)],
 *     then for each row: bias (2 or 4), multiplier (4) [, shift (1)], weights (1 each)
 *
 * The generator uses this kernel only where all rows of the network can be requantised in the short way, see
 * tinysine/codegen/recipe.py. The shift is the low byte of the multiplier where that was proved to change no
 * code, see tinysine/codegen/packed_multiplier.py. Activations are int8 codes as they are.
 *
 * The file that includes this defines TS_COMPACT_BIAS, the type of a bias; TS_COMPACT_LIMITS as 1 where some
 * layer clamps to less than int8, else 0; and TS_COMPACT_PACKED as 1 where shifts are in the multipliers. */
#ifndef TINYSINE_ENGINE_COMPACT_H
#define TINYSINE_ENGINE_COMPACT_H

#include <stdint.h>

#include "tinysine/flash.h"

#include "engine/requantize.h"

/* As the name says: the next value of the stream, of any alignment. */
#ifdef __FLASH /* where nothing needs to be aligned, and no function copies from flash */
#define TS_TAKE(type, stream) (stream += sizeof(type), *(const TS_FLASH type *)(stream - sizeof(type)))
#else
#define TS_TAKE(type, stream)                                                                                \
    ({                                                                                                       \
        type ts_value;                                                                                       \
        __builtin_memcpy(&ts_value, stream, sizeof ts_value);                                                \
        stream += sizeof ts_value;                                                                           \
        ts_value;                                                                                            \
    })
#endif

#ifdef __AVR__ /* which multiplies bytes in one instruction; GCC would widen both and call its library */
#define TS_COMPACT_PRODUCT(a, b)                                                                             \
    ({                                                                                                       \
        int ts_product = (a) * (b);                                                                          \
        __asm__("" : "+r"(ts_product));                                                                      \
        ts_product;                                                                                          \
    })
#else
#define TS_COMPACT_PRODUCT(a, b) ((a) * (b))
#endif

/* One layer; returns where the next one's constants begin. input and output must not overlap. */
static __attribute__((noinline)) const TS_FLASH uint8_t *
ts_engine_layer(const TS_FLASH uint8_t *p, const int8_t *input, int8_t *output) {
    unsigned const inputs = TS_TAKE(uint16_t, p);
    unsigned const outputs = TS_TAKE(uint16_t, p);
    int32_t const zero_point = TS_TAKE(int8_t, p);
#if TS_COMPACT_LIMITS
    int32_t const low = TS_TAKE(int8_t, p);
    int32_t const high = TS_TAKE(int8_t, p);
#else
    int32_t const low = -128;
    int32_t const high = 127;
#endif
    for (int8_t *const end = output + outputs; output != end; output++) {
        /* Unsigned: a sum on its way may leave int32, the whole of it does not. */
        uint32_t acc = (uint32_t)TS_TAKE(TS_COMPACT_BIAS, p);
        int32_t const multiplier = TS_TAKE(int32_t, p);
#if TS_COMPACT_PACKED
        unsigned const shift = (uint32_t)multiplier & 0xFF;
#else
        unsigned const shift = *p++;
#endif
        const int8_t *in = input;
        for (const TS_FLASH uint8_t *const last = p + inputs; p != last; p++) {
            acc += (uint32_t)TS_COMPACT_PRODUCT((int8_t)*p, *in++);
        }
        *output =
            (int8_t)ts_clamp(ts_requantize_short((int32_t)acc, multiplier, shift) + zero_point, low, high);
    }
    return p;
}

#endif
