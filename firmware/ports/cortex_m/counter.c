/* The latency counter of a Cortex-M. */
#include <stdbool.h>

#include "cortex_m.h"

#if __ARM_ARCH >= 7

static bool ts_counter_is_dwt;

/* Some cores and some emulators have the registers, or zeros in their place, but count nothing. */
static bool ts_dwt_counts(void) {
    TS_DWT_CYCCNT = 0;
    TS_DWT_CTRL |= 1;
    __asm volatile("nop\n\tnop\n\tnop\n\tnop");
    return TS_DWT_CYCCNT != 0;
}

enum ts_counter ts_cortex_counter_start(void) {
    TS_DEMCR |= 1u << 24; /* TRCENA */
    ts_counter_is_dwt = ts_dwt_counts();
    if (!ts_counter_is_dwt) {
        TS_DWT_LAR = 0xC5ACCE55; /* the Cortex-M7's may be locked */
        ts_counter_is_dwt = ts_dwt_counts();
    }
    return ts_counter_is_dwt ? TS_COUNTER_DWT : TS_COUNTER_SYSTICK;
}

uint32_t ts_cortex_counter_read(void) {
    return ts_counter_is_dwt ? TS_DWT_CYCCNT : ts_systick_cycles();
}

void ts_cortex_counter_stop(void) {
    TS_DWT_CTRL &= ~1u;
}

#else

enum ts_counter ts_cortex_counter_start(void) {
    return TS_COUNTER_SYSTICK;
}

uint32_t ts_cortex_counter_read(void) {
    return ts_systick_cycles();
}

void ts_cortex_counter_stop(void) {
}

#endif
