/* Bytes on their way into dual multiply-accumulates: loaded four at a time, parted into two words of two. Always inlined:
 * rows.h has variables in registers that a call would overwrite. */
#ifndef TINYSINE_ENGINE_BYTES_H
#define TINYSINE_ENGINE_BYTES_H

#include <stdint.h>

/* Up to four bytes as a word, the first lowest; of any alignment, and reads no further. */
static inline __attribute__((always_inline)) uint32_t ts_load_bytes(const uint8_t *bytes, unsigned count) {
    uint32_t word = 0;
    if (count >= 4) {
        __builtin_memcpy(&word, bytes, 4);
    } else {
        for (unsigned i = 0; i < count; i++) {
            word |= (uint32_t)bytes[i] << (8 * i);
        }
    }
    return word;
}

/* Bytes 0 and 2, then 1 and 3, each in half a word; from uint8 ... */
static inline __attribute__((always_inline)) int32_t ts_even_bytes(uint32_t word) {
    return (int32_t)(word & 0x00FF00FF);
}

static inline __attribute__((always_inline)) int32_t ts_odd_bytes(uint32_t word) {
    return (int32_t)((word >> 8) & 0x00FF00FF);
}

/* ... and from int8. */
#if defined(__ARM_FEATURE_DSP)
static inline __attribute__((always_inline)) int32_t ts_even_signed(uint32_t word) {
    int32_t parted;
    __asm__("sxtb16 %0, %1" : "=r"(parted) : "r"(word));
    return parted;
}

static inline __attribute__((always_inline)) int32_t ts_odd_signed(uint32_t word) {
    int32_t parted;
    __asm__("sxtb16 %0, %1, ror #8" : "=r"(parted) : "r"(word));
    return parted;
}
#else
static inline __attribute__((always_inline)) int32_t ts_even_signed(uint32_t word) {
    return (int32_t)((uint32_t)(uint16_t)(int8_t)word | (uint32_t)(int8_t)(word >> 16) << 16);
}

static inline __attribute__((always_inline)) int32_t ts_odd_signed(uint32_t word) {
    return ts_even_signed(word >> 8);
}
#endif

/* acc plus the products of the lower and of the upper halves. */
#if defined(__ARM_FEATURE_DSP)
static inline int32_t ts_smlad(int32_t a, int32_t b, int32_t acc) {
    __asm__("smlad %0, %1, %2, %0" : "+r"(acc) : "r"(a), "r"(b));
    return acc;
}
#else
static inline int32_t ts_smlad(int32_t a, int32_t b, int32_t acc) {
    uint32_t const low = (uint32_t)((int16_t)(a & 0xFFFF) * (int16_t)(b & 0xFFFF));
    return (int32_t)((uint32_t)acc + low + (uint32_t)((a >> 16) * (b >> 16)));
}
#endif

#endif
