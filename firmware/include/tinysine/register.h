/* A memory-mapped 32-bit register. */
#ifndef TINYSINE_REGISTER_H
#define TINYSINE_REGISTER_H

#include <stdint.h>

#define TS_REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

#endif
