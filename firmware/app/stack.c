/* How much of the stack is ever used: it is filled with a pattern, and what no longer holds it was used. */
#include "config.h"
#include "tinysine/app.h"
#include "tinysine/engine.h"
#include "tinysine/port.h"

#if TS_STACK_BYTES == 0 /* nobody knows where the stack is */

void ts_stack_paint(void) {
}

uint32_t ts_stack_high_water(void) {
    return UINT32_MAX;
}

int ts_stack_measure_invoke(uint32_t *stack_bytes) {
    *stack_bytes = UINT32_MAX;
    return ts_engine_invoke();
}

#else

#ifdef __AVR__
#include <avr/io.h>
#endif

#define TS_STACK_PATTERN UINT32_C(0x5ca1ab1e)

#ifdef __SANITIZE_ADDRESS__
/* Old frames' guards are still in the sanitizer's shadow of the stack. */
#define TS_STACK_WALKER __attribute__((noinline, no_sanitize("address")))
#else
#define TS_STACK_WALKER __attribute__((noinline))
#endif

#ifdef __x86_64__
#define TS_STACK_RED_ZONE 128 /* a leaf function may keep variables below the stack pointer */
#else
#define TS_STACK_RED_ZONE 0
#endif

/* Deepest use before the last repainting. */
static volatile uint32_t *ts_stack_deepest;

static inline __attribute__((always_inline)) uintptr_t ts_stack_pointer(void) {
#if defined(__arm__)
    uintptr_t pointer;
    __asm volatile("mov %0, sp" : "=r"(pointer));
    return pointer;
#elif defined(__x86_64__)
    uintptr_t pointer;
    __asm volatile("mov %%rsp, %0" : "=r"(pointer));
    return pointer;
#elif defined(__AVR__)
    /* Points at the next free byte, of any alignment; what is painted are whole words below it. */
    return SP & ~(uintptr_t)3;
#else
    return (uintptr_t)__builtin_frame_address(0);
#endif
}

/* Part of its caller always: a frame of its own would lie where it writes. Volatile for the same reason: else
 * the compiler may make a call of the loop. */
static inline __attribute__((always_inline)) void ts_stack_fill(uintptr_t end) {
    for (volatile uint32_t *at = ts_port.stack_bottom; (uintptr_t)at < end; at++) {
        *at = TS_STACK_PATTERN;
    }
}

static inline __attribute__((always_inline)) volatile uint32_t *ts_stack_lowest(void) {
    volatile uint32_t *at = ts_port.stack_bottom;
    while (at < ts_port.stack_top && *at == TS_STACK_PATTERN) {
        at++;
    }
    return at;
}

TS_STACK_WALKER void ts_stack_paint(void) {
    ts_stack_deepest = ts_port.stack_top;
    ts_stack_fill(ts_stack_pointer() - TS_STACK_RED_ZONE);
}

TS_STACK_WALKER uint32_t ts_stack_high_water(void) {
    volatile uint32_t *lowest = ts_stack_lowest();
    if (lowest > ts_stack_deepest) {
        lowest = ts_stack_deepest;
    }
    return (uint32_t)((uintptr_t)ts_port.stack_top - (uintptr_t)lowest);
}

TS_STACK_WALKER int ts_stack_measure_invoke(uint32_t *stack_bytes) {
    volatile uint32_t *lowest = ts_stack_lowest();
    if (lowest < ts_stack_deepest) {
        ts_stack_deepest = lowest;
    }
    uintptr_t pointer = ts_stack_pointer();
    ts_stack_fill(pointer);
    int status = ts_engine_invoke();
    lowest = ts_stack_lowest();
    *stack_bytes = (uintptr_t)lowest < pointer ? (uint32_t)(pointer - (uintptr_t)lowest) : 0;
    return status;
}

#endif
