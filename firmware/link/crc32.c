#include "tinysine/flash.h"
#include "tinysine/link.h"

/* Four bits a step: 64 bytes of table instead of the usual kilobyte. */
static const TS_FLASH uint32_t ts_crc32_nibble[16] = {
    0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
    0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
};

uint32_t ts_crc32(uint32_t crc, const uint8_t *bytes, uint32_t length) {
    crc = ~crc;
    for (const uint8_t *end = bytes + length; bytes != end; bytes++) {
        crc ^= *bytes;
        crc = (crc >> 4) ^ ts_crc32_nibble[crc & 15];
        crc = (crc >> 4) ^ ts_crc32_nibble[crc & 15];
    }
    return ~crc;
}
