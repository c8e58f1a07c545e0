/* Boards with a chip of Nordic's nRF5x family: what nRF51 and nRF52 have in common. */
#include "tinysine/port.h"
#include "../blocks/uart.h"
#include "../cortex_m/cortex_m.h"
#include "config.h"
#include "nrf5x.h"
#include "tinysine/fault.h"
#include "tinysine/register.h"

#define TS_HFCLKSTART   TS_REGISTER(0x40000000)
#define TS_HFCLKSTARTED TS_REGISTER(0x40000100)

#define TS_FICR_DEVICEID 0x10000060

/* Longer than any crystal takes (a few milliseconds at most), and an end if there is none. */
#define TS_WAIT_LIMIT 1000000

static void ts_nrf_crystal_start(void) {
    TS_HFCLKSTARTED = 0;
    TS_HFCLKSTART = 1;
    for (uint32_t i = 0; i < TS_WAIT_LIMIT && !TS_HFCLKSTARTED; i++) {
    }
}

static void ts_nrf_init(void) {
    ts_stage(TS_STAGE_CLOCKS);
    ts_nrf_leave_loader();
    ts_nrf_crystal_start(); /* the crystal: the internal oscillator is too far off for a serial line */
    ts_nrf_time_start();
    ts_stage(TS_STAGE_PORT);
    TS_GPIO_OUTSET(TS_UART_TX) = TS_GPIO_BIT(TS_UART_TX); /* idle level, before the pin drives */
    TS_GPIO_PIN_CNF(TS_UART_TX) = TS_GPIO_OUTPUT;
    TS_GPIO_PIN_CNF(TS_UART_RX) = TS_GPIO_INPUT_PULL_UP;
    ts_uart_init();
#ifdef TS_LED_PIN
    TS_NRF_LED_DARK(TS_LED_PIN) = TS_GPIO_BIT(TS_LED_PIN); /* the pin's level while no PWM drives it */
    TS_GPIO_PIN_CNF(TS_LED_PIN) = TS_GPIO_OUTPUT;
#ifdef TS_LED_OTHER_PIN
    TS_NRF_LED_DARK(TS_LED_OTHER_PIN) = TS_GPIO_BIT(TS_LED_OTHER_PIN);
    TS_GPIO_PIN_CNF(TS_LED_OTHER_PIN) = TS_GPIO_OUTPUT;
#endif
    ts_nrf_led_init();
#endif
}

static void ts_nrf_unique_id(uint32_t id[2]) {
    ts_cortex_read_id(TS_FICR_DEVICEID, id);
}

const struct ts_port ts_port = {
    TS_CORTEX_PORT,
    .init = ts_nrf_init,
#ifdef TS_LED_PIN
    .led = ts_nrf_led,
#endif
    .millis = ts_nrf_millis,
    .counter_start = ts_nrf_counter_start,
    .counter_read = ts_nrf_counter_read,
    .counter_stop = ts_nrf_counter_stop,
    .unique_id = ts_nrf_unique_id,
};
