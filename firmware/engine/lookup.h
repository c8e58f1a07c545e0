/* One answer for each of the 256 codes. */
#ifndef TINYSINE_ENGINE_LOOKUP_H
#define TINYSINE_ENGINE_LOOKUP_H

#include <stdint.h>

#include "tinysine/flash.h"

/* table: by the byte of a code, so that -1 comes last. input and output may be the same. */
static __attribute__((noinline, unused)) void ts_lookup(const TS_FLASH uint8_t *table, const uint8_t *input,
                                                        uint8_t *output, unsigned count) {
    for (; count >= 4; count -= 4, input += 4, output += 4) {
        uint8_t const first = table[input[0]];
        uint8_t const second = table[input[1]];
        uint8_t const third = table[input[2]];
        uint8_t const fourth = table[input[3]];
        output[0] = first;
        output[1] = second;
        output[2] = third;
        output[3] = fourth;
    }
    while (count--) {
        *output++ = table[*input++];
    }
}

#endif
