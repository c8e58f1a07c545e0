/* The latency counter of a Cortex-M that has a DWT: its 32 bits of cycles. SysTick has 24, and would wrap unseen. */
#include <stdbool.h>

#include "cortex_m.h"

#if __ARM_ARCH >= 7

/* Some cores and some emulators have the registers, or zeros in their place, but count nothing. */
static bool ts_dwt_counts(void) {
    TS_DWT_CYCCNT = 0;
    TS_DWT_CTRL |= 1;
    __asm volatile("nop\n\tnop\n\tnop\n\tnop");
    return TS_DWT_CYCCNT != 0;
}

enum ts_counter ts_cortex_counter_start(void) {
    TS_DEMCR |= 1u << 24; /* TRCENA */
    if (ts_dwt_counts()) {
        return TS_COUNTER_DWT;
    }
    TS_DWT_LAR = 0xC5ACCE55; /* the Cortex-M7's may be locked */
    return ts_dwt_counts() ? TS_COUNTER_DWT : TS_COUNTER_NONE;
}

uint32_t ts_cortex_counter_read(void) {
    return TS_DWT_CYCCNT;
}

void ts_cortex_counter_stop(void) {
    TS_DWT_CTRL &= ~1u;
}

#endif
