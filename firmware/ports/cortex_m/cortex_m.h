/* What every Cortex-M port shares. Register facts: ARMv6-M and ARMv7-M architecture reference manuals. */
#ifndef TINYSINE_CORTEX_M_H
#define TINYSINE_CORTEX_M_H

#include <stdint.h>

#include "tinysine/port.h"
#include "tinysine/register.h"

#define TS_SYST_CSR   TS_REGISTER(0xE000E010)
#define TS_SYST_RVR   TS_REGISTER(0xE000E014)
#define TS_SYST_CVR   TS_REGISTER(0xE000E018)
#define TS_NVIC_ICER  0xE000E180
#define TS_NVIC_ICPR  0xE000E280
#define TS_SCB_ICSR   TS_REGISTER(0xE000ED04)
#define TS_SCB_VTOR   TS_REGISTER(0xE000ED08)
#define TS_SCB_AIRCR  TS_REGISTER(0xE000ED0C)
#define TS_SCB_CFSR   TS_REGISTER(0xE000ED28)
#define TS_SCB_HFSR   TS_REGISTER(0xE000ED2C)
#define TS_SCB_MMFAR  TS_REGISTER(0xE000ED34)
#define TS_SCB_BFAR   TS_REGISTER(0xE000ED38)
#define TS_SCB_CPACR  TS_REGISTER(0xE000ED88)
#define TS_MPU_CTRL   TS_REGISTER(0xE000ED94)
#define TS_DEMCR      TS_REGISTER(0xE000EDFC)
#define TS_DWT_CTRL   TS_REGISTER(0xE0001000)
#define TS_DWT_CYCCNT TS_REGISTER(0xE0001004)
#define TS_DWT_LAR    TS_REGISTER(0xE0001FB0)

/* From the linker script. */
extern uint32_t __ts_stack_bottom[];
extern uint32_t __ts_stack_top[];

/* Members of ts_port that do not depend on the chip: TS_CORTEX_PORT, beside config.h and a UART block, has them. */
uint32_t ts_cortex_static_ram_bytes(void);
void ts_cortex_reset(void);
#define TS_CORTEX_PORT                                                                                       \
    .board = TS_BOARD_NAME, .read = ts_uart_read, .write = ts_uart_write, .flush = ts_uart_flush,            \
    .overruns = ts_uart_overruns, .clock_hz = TS_CLOCK_HZ, .counter_clock_hz = TS_CLOCK_HZ,                  \
    .reset = ts_cortex_reset, .stack_bottom = __ts_stack_bottom, .stack_top = __ts_stack_top,                \
    .static_ram_bytes = ts_cortex_static_ram_bytes

/* For a chip whose unique id is two words side by side, the first at `address`. */
static inline void ts_cortex_read_id(uint32_t address, uint32_t id[2]) {
    id[0] = TS_REGISTER(address);
    id[1] = TS_REGISTER(address + 4);
}

/* SysTick, free-running at the core clock: the port's clock. */
void ts_systick_start(void);
uint32_t ts_systick_cycles(void);
uint32_t ts_systick_millis(void);
uint32_t ts_systick_seen(void); /* the cycles at the last call of one of the two */

/* The latency counter: the DWT, if it counts. */
enum ts_counter ts_cortex_counter_start(void);
uint32_t ts_cortex_counter_read(void);
void ts_cortex_counter_stop(void);
#define TS_CORTEX_COUNTER                                                                                    \
    .counter_start = ts_cortex_counter_start, .counter_read = ts_cortex_counter_read,                        \
    .counter_stop = ts_cortex_counter_stop

#endif
