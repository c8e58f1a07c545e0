/* Where nRF51 and nRF52 differ. */
#ifndef TINYSINE_NRF5X_H
#define TINYSINE_NRF5X_H

#include <stdint.h>

#include "config.h"
#include "tinysine/port.h"
#include "tinysine/register.h"

#define TS_GPIO(pin)          (0x50000000u + 0x300u * ((pin) / 32))
#define TS_GPIO_OUTSET(pin)   TS_REGISTER(TS_GPIO(pin) + 0x508)
#define TS_GPIO_OUTCLR(pin)   TS_REGISTER(TS_GPIO(pin) + 0x50C)
#define TS_GPIO_PIN_CNF(pin)  TS_REGISTER(TS_GPIO(pin) + 0x700 + 4 * ((pin) % 32))
#define TS_GPIO_BIT(pin)      (1u << ((pin) % 32))
#define TS_GPIO_OUTPUT        3u   /* its input buffer off */
#define TS_GPIO_INPUT_PULL_UP 0xCu /* an open RX pin must not look like somebody talking */

#ifdef TS_LED_PIN
#if TS_LED_ACTIVE_HIGH
#define TS_NRF_LED_LIT(pin)  TS_GPIO_OUTSET(pin)
#define TS_NRF_LED_DARK(pin) TS_GPIO_OUTCLR(pin)
#else
#define TS_NRF_LED_LIT(pin)  TS_GPIO_OUTCLR(pin)
#define TS_NRF_LED_DARK(pin) TS_GPIO_OUTSET(pin)
#endif
void ts_nrf_led_init(void);
void ts_nrf_led(uint8_t brightness);
#endif

#if __ARM_ARCH >= 7

/* nRF52: SysTick keeps the time, DWT measures, PWM0 dims. */
#include "../cortex_m/cortex_m.h"
#define ts_nrf_time_start    ts_systick_start
#define ts_nrf_millis        ts_systick_millis
#define ts_nrf_counter_start ts_cortex_counter_start
#define ts_nrf_counter_read  ts_cortex_counter_read
#define ts_nrf_counter_stop  ts_cortex_counter_stop

#else

/* nRF51: no DWT, and on silicon no SysTick: TIMER1 keeps the time and dims, TIMER0 measures. */
void ts_nrf_time_start(void);
uint32_t ts_nrf_millis(void);
enum ts_counter ts_nrf_counter_start(void);
uint32_t ts_nrf_counter_read(void);
void ts_nrf_counter_stop(void);

#endif

/* Undoes what a boot loader leaves running. */
void ts_nrf_leave_loader(void);

#endif
