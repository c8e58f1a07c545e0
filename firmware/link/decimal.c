#include "tinysine/number.h"

static float ts_decimal_power(uint8_t exponent) {
    float power = 1.0f;
    while (exponent--) {
        power *= 10.0f;
    }
    return power;
}

int ts_decimal_parse(const uint8_t *text, uint8_t length, float *value) {
    const uint8_t *end = text + length;
    bool negative = text < end && *text == '-';
    if (text < end && (*text == '-' || *text == '+')) {
        text++;
    }
    uint32_t mantissa = 0;
    int16_t exponent = 0;
    bool any = false;
    bool point = false;
    for (; text < end && ((*text >= '0' && *text <= '9') || (*text == '.' && !point)); text++) {
        if (*text == '.') {
            point = true;
            continue;
        }
        any = true;
        if (mantissa < 100000000) {
            mantissa = mantissa * 10 + (uint32_t)(*text - '0');
            exponent -= point;
        } else {
            exponent += !point; /* more digits than a float32 can tell */
        }
    }
    if (any && text < end && (*text == 'e' || *text == 'E')) {
        text++;
        bool down = text < end && *text == '-';
        if (text < end && (*text == '-' || *text == '+')) {
            text++;
        }
        any = false;
        int16_t typed = 0;
        for (; text < end && *text >= '0' && *text <= '9'; text++) {
            any = true;
            if (typed < 1000) {
                typed = (int16_t)(typed * 10 + (*text - '0'));
            }
        }
        exponent = (int16_t)(exponent + (down ? -typed : typed));
    }
    if (!any || text < end) {
        return TS_BAD_VALUE;
    }
    /* The power alone may leave float32's range although the value does not, so take it in two steps. */
    float result = (float)mantissa;
    if (mantissa == 0) {
        exponent = 0;
    }
    while (exponent < 0) {
        uint8_t step = exponent < -10 ? 10 : (uint8_t)-exponent;
        result /= ts_decimal_power(step);
        exponent = result > 0 ? (int16_t)(exponent + step) : 0;
    }
    while (exponent > 0) {
        uint8_t step = exponent > 10 ? 10 : (uint8_t)exponent;
        if (result > 3.4e38f / ts_decimal_power(step)) {
            return TS_BAD_VALUE;
        }
        result *= ts_decimal_power(step);
        exponent = (int16_t)(exponent - step);
    }
    *value = negative ? -result : result;
    return TS_OK;
}

void ts_decimal_format(float value, char text[TS_DECIMAL_MAX + 1]) {
    if (value < 0) {
        *text++ = '-';
        value = -value;
    }
    uint8_t exponent = 0;
    if (value >= 99999.99f) {
        while (value >= 9.99995f) {
            value /= 10.0f;
            exponent++;
        }
    }
    uint32_t scaled = (uint32_t)(value * 10000.0f + 0.5f);
    uint32_t unit = 10000;
    while (scaled / unit >= 10) {
        unit *= 10;
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
