/* The Cortex-M7's caches: from 0x08000000 they are what hides the flash's wait states. Registers and the
 * geometry word: ARMv7-M architecture reference manual; Cortex-M7 technical reference manual. */
#include "stm32f746.h"

#define TS_SCB_CCR     TS_REGISTER(0xE000ED14)
#define TS_SCB_CCSIDR  TS_REGISTER(0xE000ED80)
#define TS_SCB_CSSELR  TS_REGISTER(0xE000ED84)
#define TS_SCB_ICIALLU TS_REGISTER(0xE000EF50)
#define TS_SCB_DCISW   TS_REGISTER(0xE000EF60)

#define TS_CCR_DC         (1u << 16)
#define TS_CCR_IC         (1u << 17)
#define TS_CSSELR_DATA_L1 0u

static inline void ts_stm32_barrier(void) {
    __asm volatile("dsb\n\tisb" ::: "memory");
}

/* After power-on the caches hold noise that looks like data: every line is made invalid first. */
static void ts_stm32_invalidate_data_cache(void) {
    TS_SCB_CSSELR = TS_CSSELR_DATA_L1;
    ts_stm32_barrier();
    uint32_t geometry = TS_SCB_CCSIDR;
    uint32_t last_set = geometry >> 13 & 0x7FFF;
    uint32_t last_way = geometry >> 3 & 0x3FF;
    uint32_t set_shift = (geometry & 7) + 4; /* of the line's length in bytes */
    uint32_t way_shift = last_way ? (uint32_t)__builtin_clz(last_way) : 0;
    for (uint32_t set = 0; set <= last_set; set++) {
        for (uint32_t way = 0; way <= last_way; way++) {
            TS_SCB_DCISW = way << way_shift | set << set_shift;
        }
    }
}

void ts_stm32_caches_start(void) {
    if (!(TS_SCB_CCR & TS_CCR_IC)) {
        ts_stm32_barrier();
        TS_SCB_ICIALLU = 0;
        ts_stm32_barrier();
        TS_SCB_CCR |= TS_CCR_IC;
        ts_stm32_barrier();
    }
    /* On already, as some loader may have it, it holds what memory does not have yet. */
    if (!(TS_SCB_CCR & TS_CCR_DC)) {
        ts_stm32_invalidate_data_cache();
        ts_stm32_barrier();
        TS_SCB_CCR |= TS_CCR_DC;
        ts_stm32_barrier();
    }
}
