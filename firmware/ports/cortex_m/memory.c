/* The three functions that a compiler may call by itself. Its empty assembler statement keeps each loop from
 * being recognised as the very function that it implements. */
#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    char *out = to;
    const char *in = from;
    while (size--) {
        *out++ = *in++;
        __asm volatile("");
    }
    return to;
}

void *memmove(void *to, const void *from, size_t size) {
    char *out = to;
    const char *in = from;
    if (out < in) {
        while (size--) {
            *out++ = *in++;
            __asm volatile("");
        }
    } else {
        while (size--) {
            out[size] = in[size];
            __asm volatile("");
        }
    }
    return to;
}

void *memset(void *to, int byte, size_t size) {
    char *out = to;
    while (size--) {
        *out++ = (char)byte;
        __asm volatile("");
    }
    return to;
}
