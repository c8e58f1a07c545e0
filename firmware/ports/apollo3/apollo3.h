/* What the files of this port share. */
#ifndef TINYSINE_APOLLO3_H
#define TINYSINE_APOLLO3_H

#include <stdint.h>

#include "tinysine/register.h"

/* Pads are locked but for as long as the key is in. */
#define TS_PADKEY     TS_REGISTER(0x40010060)
#define TS_PADKEY_KEY 0x73

/* A pad's byte: function in bits 3 to 5, input buffer in bit 1, pull-up in bit 0. */
#define TS_PAD_UART0         (0u << 3) /* of pads 48 and 49 */
#define TS_PAD_CT            (2u << 3) /* of pads 44, 46 and 47 */
#define TS_PAD_INPUT         (1u << 1)
#define TS_PAD_REGISTER(pad) TS_REGISTER(0x40010000u + ((pad) & ~3u))

static inline void ts_apollo_pad(uint32_t pad, uint32_t value) {
    uint32_t shift = 8 * (pad & 3);
    TS_PAD_REGISTER(pad) = (TS_PAD_REGISTER(pad) & ~(0xFFu << shift)) | value << shift;
}

void ts_apollo_led_init(void);
void ts_apollo_led(uint8_t brightness);

#endif
