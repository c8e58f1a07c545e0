#include "tinysine/number.h"

int ts_decimal_parse(const uint8_t *text, uint8_t length, float *value) {
    const uint8_t *end = text + length;
    bool negative = *text == '-';
    if (negative || *text == '+') {
        text++;
    }
    /* Both stay exact up to seven digits, and one division rounds once: the float32 nearest to the text. */
    float digits = 0.0f;
    float unit = 1.0f;
    bool any = false;
    bool point = false;
    for (; text < end; text++) {
        if (*text == '.' && !point) {
            point = true;
        } else if (*text >= '0' && *text <= '9') {
            any = true;
            digits = digits * 10.0f + (float)(*text - '0');
            if (point) {
                unit *= 10.0f;
            }
        } else {
            return TS_BAD_VALUE;
        }
    }
    if (!any || digits > 1e30f || unit > 1e30f) {
        return TS_BAD_VALUE;
    }
    *value = negative ? -digits / unit : digits / unit;
    return TS_OK;
}

void ts_decimal_format(float value, char text[TS_DECIMAL_MAX + 1]) {
    if (value < 0) {
        *text++ = '-';
        value = -value;
    }
    uint32_t exponent = 0;
    if (value >= 99999.99f) {
        while (value >= 9.99995f) {
            value /= 10.0f;
            exponent++;
        }
    }
    uint32_t scaled = (uint32_t)(value * 10000.0f + 0.5f);
    uint32_t unit = 1000000000;
    while (unit > 10000 && scaled < unit) {
        unit /= 10;
    }
    for (; unit != 0; unit /= 10) {
        *text++ = (char)('0' + scaled / unit % 10);
        if (unit == 10000) {
            *text++ = '.';
        }
    }
    if (exponent != 0) {
        *text++ = 'e';
        *text++ = (char)('0' + exponent / 10);
        *text++ = (char)('0' + exponent % 10);
    }
    *text = 0;
}
