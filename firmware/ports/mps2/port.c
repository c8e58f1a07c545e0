/* Arm's MPS2 board, images AN386 (Cortex-M4) and AN500 (Cortex-M7): application notes of these names. */
#include "tinysine/port.h"
#include "../blocks/uart.h"
#include "../cortex_m/cortex_m.h"
#include "../cortex_m/soft_pwm.h"
#include "config.h"
#include "tinysine/fault.h"
#include "tinysine/register.h"

_Static_assert(TS_CLOCK_HZ == 25000000, "clock_hz of the board file: 25 MHz is what an MPS2 has");

/* The CMSDK's first timer, which counts the core's clock down from 32 bits. */
#define TS_TIMER_CTRL   TS_REGISTER(0x40000000)
#define TS_TIMER_VALUE  TS_REGISTER(0x40000004)
#define TS_TIMER_RELOAD TS_REGISTER(0x40000008)

static enum ts_counter ts_mps2_counter_start(void) {
    TS_TIMER_CTRL = 0;
    TS_TIMER_RELOAD = UINT32_MAX;
    TS_TIMER_VALUE = UINT32_MAX;
    TS_TIMER_CTRL = 1;
    return TS_COUNTER_TIMER;
}

static uint32_t ts_mps2_counter_read(void) {
    return ~TS_TIMER_VALUE;
}

static void ts_mps2_counter_stop(void) {
    TS_TIMER_CTRL = 0;
}

#ifdef TS_LED_PIN

#define TS_FPGAIO_LED TS_REGISTER(0x40028000)
#define TS_LED_PERIOD (TS_CLOCK_HZ / 250)

static void ts_mps2_led_show(bool lit) {
    TS_FPGAIO_LED = (uint32_t)lit << TS_LED_PIN;
}

static uint32_t ts_mps2_millis(void) {
    uint32_t ms = ts_systick_millis();
    ts_soft_pwm_poll(ts_systick_seen(), TS_LED_PERIOD, ts_mps2_led_show);
    return ms;
}

#else

#define ts_mps2_millis ts_systick_millis

#endif

static void ts_mps2_init(void) {
    ts_stage(TS_STAGE_CLOCKS);
    ts_systick_start(); /* the FPGA's clocks run already */
    ts_stage(TS_STAGE_PORT);
    ts_uart_init();
#ifdef TS_LED_PIN
    TS_FPGAIO_LED = 0;
#endif
}

const struct ts_port ts_port = {
    TS_CORTEX_PORT,
    .init = ts_mps2_init,
#ifdef TS_LED_PIN
    .led = ts_soft_pwm_set,
#endif
    .millis = ts_mps2_millis,
    .counter_start = ts_mps2_counter_start,
    .counter_read = ts_mps2_counter_read,
    .counter_stop = ts_mps2_counter_stop,
};
