/* Codes from one place to another. */
#ifndef TINYSINE_ENGINE_COPY_H
#define TINYSINE_ENGINE_COPY_H

#include <stdint.h>

/* from and to must not overlap. The firmware's own memcpy goes byte by byte. */
static __attribute__((noinline, unused)) void ts_copy_s8(const int8_t *from, int8_t *to, unsigned count) {
    for (; count >= 4; count -= 4, from += 4, to += 4) {
        uint32_t word;
        __builtin_memcpy(&word, from, 4);
        __builtin_memcpy(to, &word, 4);
    }
    while (count--) {
        *to++ = *from++;
    }
}

#endif
