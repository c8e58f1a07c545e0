/* Where nRF51 and nRF52 differ. */
#ifndef TINYSINE_NRF5X_H
#define TINYSINE_NRF5X_H

#include <stdint.h>

#include "config.h"
#include "tinysine/port.h"

#if __ARM_ARCH >= 7

/* nRF52: SysTick keeps the time, DWT measures, PWM0 dims. */
#include "../cortex_m/cortex_m.h"
#define ts_nrf_time_start    ts_systick_start
#define ts_nrf_millis        ts_systick_millis
#define ts_nrf_counter_start ts_cortex_counter_start
#define ts_nrf_counter_read  ts_cortex_counter_read
#define ts_nrf_counter_stop  ts_cortex_counter_stop

#ifdef TS_LED_PIN
#define TS_NRF_LED
void ts_nrf_led_init(void);
void ts_nrf_led(uint8_t brightness);
#endif

#else

/* nRF51: no DWT, and on silicon no SysTick: TIMER1 keeps the time, TIMER0 measures. */
void ts_nrf_time_start(void);
uint32_t ts_nrf_millis(void);
enum ts_counter ts_nrf_counter_start(void);
uint32_t ts_nrf_counter_read(void);
void ts_nrf_counter_stop(void);

#endif

/* Undoes what a boot loader leaves running. */
void ts_nrf_leave_loader(void);

#endif
