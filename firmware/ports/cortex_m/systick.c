/* SysTick runs freely over its 24 bits, without its interrupt; reading it often enough extends it to 32. */
#include "config.h"
#include "cortex_m.h"

#define TS_SYSTICK_MASK  0xffffffu
#define TS_CYCLES_PER_MS (TS_CLOCK_HZ / 1000)

static struct {
    uint32_t last;
    uint32_t cycles;
    uint32_t counted; /* cycles that are in ms already */
    uint32_t ms;
} ts_systick;

void ts_systick_start(void) {
    TS_SYST_RVR = TS_SYSTICK_MASK;
    TS_SYST_CVR = 0;
    TS_SYST_CSR = 5; /* core clock, enabled */
    ts_systick.last = TS_SYST_CVR;
}

uint32_t ts_systick_cycles(void) {
    uint32_t now = TS_SYST_CVR; /* counts down */
    ts_systick.cycles += (ts_systick.last - now) & TS_SYSTICK_MASK;
    ts_systick.last = now;
    return ts_systick.cycles;
}

uint32_t ts_systick_seen(void) {
    return ts_systick.cycles;
}

uint32_t ts_systick_millis(void) {
    uint32_t cycles = ts_systick_cycles();
    while (cycles - ts_systick.counted >= TS_CYCLES_PER_MS) {
        ts_systick.counted += TS_CYCLES_PER_MS;
        ts_systick.ms++;
    }
    return ts_systick.ms;
}
