/* Numbers as the device meets them: float32, the model's codes, decimal text. */
#ifndef TINYSINE_NUMBER_H
#define TINYSINE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "tinysine/engine.h"

/* Bytes of one element of a dtype. */
uint16_t ts_dtype_bytes(uint8_t dtype);

/* False for NaN and the infinities. element: of a float32 tensor, of any alignment. */
bool ts_number_is_finite(const uint8_t *element);

/* real -> code, stored at `element` in the tensor's dtype (a float32 tensor: as it is). value is finite.
 * Divides in float32, rounds half away from zero, clamps to the dtype. */
void ts_number_quantize(const TS_FLASH struct ts_tensor *tensor, float value, void *element);

/* code -> real. Stores the code too; 0 for a float32 tensor. */
float ts_number_dequantize(const TS_FLASH struct ts_tensor *tensor, const void *element, int32_t *code);

/* True for a model with one number in and one out. */
bool ts_number_is_possible(void);

/* One inference of such a model. */
TS_MUST_CHECK int ts_number_infer(float x, float *y, int32_t *code);

/* Decimal text such as "-1.5" or ".5" -> value. TS_BAD_VALUE for anything else, and beyond 1e30. */
TS_MUST_CHECK int ts_decimal_parse(const uint8_t *text, uint8_t length, float *value);

/* Four decimals; an exponent from 100000 on. value is finite. Writes at most TS_DECIMAL_MAX characters and a
 * zero. */
enum { TS_DECIMAL_MAX = 12 };
void ts_decimal_format(float value, char text[TS_DECIMAL_MAX + 1]);

#endif
