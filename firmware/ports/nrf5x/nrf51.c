/* What the nRF51 has instead. Register offsets: Nordic's device headers (nrf51.h, TIMER). */
#include "../cortex_m/soft_pwm.h"
#include "nrf5x.h"
#include "tinysine/register.h"

#if __ARM_ARCH < 7

_Static_assert(TS_CLOCK_HZ == 16000000, "clock_hz of the board file: 16 MHz is what an nRF51 has");

#define TS_TIMER0                0x40008000u
#define TS_TIMER1                0x40009000u
#define TS_TIMER_START(base)     TS_REGISTER((base) + 0x000)
#define TS_TIMER_STOP(base)      TS_REGISTER((base) + 0x004)
#define TS_TIMER_CLEAR(base)     TS_REGISTER((base) + 0x00C)
#define TS_TIMER_CAPTURE(base)   TS_REGISTER((base) + 0x040)
#define TS_TIMER_MODE(base)      TS_REGISTER((base) + 0x504)
#define TS_TIMER_BITMODE(base)   TS_REGISTER((base) + 0x508)
#define TS_TIMER_PRESCALER(base) TS_REGISTER((base) + 0x510)
#define TS_TIMER_CC(base)        TS_REGISTER((base) + 0x540)

#define TS_BITMODE_16 0u
#define TS_BITMODE_32 3u

/* 16 MHz / 2^7: exactly 125 ticks a millisecond, and 16 bits (all that TIMER1 has) last half a second. */
#define TS_TICKS_PER_MS 125

#define TS_LED_PERIOD 510 /* two of these ticks for each level: 245 Hz */

static struct {
    uint32_t ticks;
    uint32_t counted; /* ticks that are in ms already */
    uint32_t ms;
} ts_nrf_time;

void ts_nrf_leave_loader(void) {
    /* The interface chip loads the flash: there is no loader on the target. */
}

static void ts_nrf_timer_start(uint32_t base, uint32_t bitmode, uint32_t prescaler) {
    TS_TIMER_STOP(base) = 1;
    TS_TIMER_MODE(base) = 0;
    TS_TIMER_BITMODE(base) = bitmode;
    TS_TIMER_PRESCALER(base) = prescaler;
    TS_TIMER_CLEAR(base) = 1;
    TS_TIMER_START(base) = 1;
}

void ts_nrf_time_start(void) {
    ts_nrf_timer_start(TS_TIMER1, TS_BITMODE_16, 7);
}

/* Must be called twice in half a second, to extend the 16 bits to 32. */
static uint32_t ts_nrf_ticks(void) {
    TS_TIMER_CAPTURE(TS_TIMER1) = 1;
    ts_nrf_time.ticks += (uint16_t)(TS_TIMER_CC(TS_TIMER1) - ts_nrf_time.ticks);
    return ts_nrf_time.ticks;
}

#ifdef TS_LED_PIN

static void ts_nrf_led_show(bool lit) {
    if (lit) {
        TS_NRF_LED_LIT(TS_LED_PIN) = TS_GPIO_BIT(TS_LED_PIN);
    } else {
        TS_NRF_LED_DARK(TS_LED_PIN) = TS_GPIO_BIT(TS_LED_PIN);
    }
}

void ts_nrf_led_init(void) {
}

void ts_nrf_led(uint8_t brightness) {
    ts_soft_pwm_set(brightness);
}

#endif

uint32_t ts_nrf_millis(void) {
    uint32_t ticks = ts_nrf_ticks();
#ifdef TS_LED_PIN
    ts_soft_pwm_poll(ticks, TS_LED_PERIOD, ts_nrf_led_show);
#endif
    while (ticks - ts_nrf_time.counted >= TS_TICKS_PER_MS) {
        ts_nrf_time.counted += TS_TICKS_PER_MS;
        ts_nrf_time.ms++;
    }
    return ts_nrf_time.ms;
}

enum ts_counter ts_nrf_counter_start(void) {
    ts_nrf_timer_start(TS_TIMER0, TS_BITMODE_32, 0);
    return TS_COUNTER_TIMER;
}

uint32_t ts_nrf_counter_read(void) {
    TS_TIMER_CAPTURE(TS_TIMER0) = 1;
    return TS_TIMER_CC(TS_TIMER0);
}

void ts_nrf_counter_stop(void) {
    TS_TIMER_STOP(TS_TIMER0) = 1;
}

#endif
