#ifndef CPP_TABLE_H
#define CPP_TABLE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the model answers to each code of its one int8 input, -128 first. */
int8_t table_answer(int8_t code);

#ifdef __cplusplus
}
#endif

#endif
