/* Pools of firmware/engine/pool.h, four channels at a time: for cores that work on parts of a word. */
#ifndef TINYSINE_ENGINE_POOL_WIDE_H
#define TINYSINE_ENGINE_POOL_WIDE_H

#include <stdint.h>

#include "engine/pool.h"

/* Bytes 0 and 2 of a word, or 1 and 3, onto the int16 of another; sums beyond int16 do not occur. */
#if defined(__ARM_FEATURE_DSP)
static inline uint32_t ts_add_even_signed(uint32_t sums, uint32_t word) {
    __asm__("sxtab16 %0, %0, %1" : "+r"(sums) : "r"(word));
    return sums;
}

static inline uint32_t ts_add_odd_signed(uint32_t sums, uint32_t word) {
    __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(sums) : "r"(word));
    return sums;
}

/* The greater of each pair of int8. */
static inline uint32_t ts_greater_bytes(uint32_t a, uint32_t b) {
    uint32_t greater;
    /* The subtraction tells sel where a is at least b. */
    __asm__("ssub8 %0, %1, %2\n\tsel %0, %1, %2" : "=&r"(greater) : "r"(a), "r"(b) : "cc");
    return greater;
}
#else
static inline uint32_t ts_add_even_signed(uint32_t sums, uint32_t word) {
    uint32_t const low = (sums + (uint32_t)(int8_t)word) & 0xFFFF;
    return low | ((sums >> 16) + (uint32_t)(int8_t)(word >> 16)) << 16;
}

static inline uint32_t ts_add_odd_signed(uint32_t sums, uint32_t word) {
    return ts_add_even_signed(sums, word >> 8);
}

static inline uint32_t ts_greater_bytes(uint32_t a, uint32_t b) {
    uint32_t greater = 0;
    for (unsigned shift = 0; shift < 32; shift += 8) {
        greater |= ((int8_t)(a >> shift) > (int8_t)(b >> shift) ? a : b) & (uint32_t)0xFF << shift;
    }
    return greater;
}
#endif

static inline void ts_average_window_wide(const TS_FLASH struct ts_pool *layer, struct ts_pool_taps taps,
                                          int8_t *output) {
    uint32_t const channels = layer->channels;
    uint32_t const count = taps.rows * taps.columns;
    uint32_t const to_next_row = (layer->columns - taps.columns) * channels;
    unsigned channel = 0;
    for (; channel + 4 <= channels; channel += 4) {
        const int8_t *in = taps.first + channel;
        uint32_t even = 0;
        uint32_t odd = 0;
        for (unsigned y = taps.rows; y > 0; y--, in += to_next_row) {
            for (unsigned x = taps.columns; x > 0; x--, in += channels) {
                uint32_t word;
                __builtin_memcpy(&word, in, 4);
                even = ts_add_even_signed(even, word);
                odd = ts_add_odd_signed(odd, word);
            }
        }
        output[channel] = ts_pool_mean(layer, (int16_t)even, count);
        output[channel + 1] = ts_pool_mean(layer, (int16_t)odd, count);
        output[channel + 2] = ts_pool_mean(layer, (int16_t)(even >> 16), count);
        output[channel + 3] = ts_pool_mean(layer, (int16_t)(odd >> 16), count);
    }
    ts_average_channels(layer, taps, channel, output);
}

static inline void ts_max_window_wide(const TS_FLASH struct ts_pool *layer, struct ts_pool_taps taps,
                                      int8_t *output) {
    uint32_t const channels = layer->channels;
    uint32_t const to_next_row = (layer->columns - taps.columns) * channels;
    uint32_t const least = (uint8_t)layer->clamp_min * 0x01010101U;
    uint32_t const most = (uint8_t)layer->clamp_max * 0x01010101U;
    unsigned channel = 0;
    for (; channel + 4 <= channels; channel += 4) {
        const int8_t *in = taps.first + channel;
        uint32_t greatest = least;
        for (unsigned y = taps.rows; y > 0; y--, in += to_next_row) {
            for (unsigned x = taps.columns; x > 0; x--, in += channels) {
                uint32_t word;
                __builtin_memcpy(&word, in, 4);
                greatest = ts_greater_bytes(greatest, word);
            }
        }
        /* The lesser of two is the complement of the greater of their complements. */
        greatest = ~ts_greater_bytes(~greatest, ~most);
        __builtin_memcpy(output + channel, &greatest, 4);
    }
    ts_max_channels(layer, taps, channel, output);
}

/* Up to 256 taps. input and output must not overlap. */
static __attribute__((noinline, unused)) void ts_average_pool_wide_s8(const struct ts_pool *layer,
                                                                      const int8_t *input, int8_t *output) {
    ts_pool_windows(layer, input, output, ts_average_window_wide);
}

/* input and output must not overlap. */
static __attribute__((noinline, unused)) void ts_max_pool_wide_s8(const struct ts_pool *layer,
                                                                  const int8_t *input, int8_t *output) {
    ts_pool_windows(layer, input, output, ts_max_window_wide);
}

#endif
