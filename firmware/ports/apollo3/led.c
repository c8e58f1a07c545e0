/* The LED, dimmed by a timer. */
#include "apollo3.h"
#include "config.h"

#ifdef TS_LED_PIN

/* Which timer output a pad carries is wired in the chip: one case for each LED that a board has there. */
#if TS_LED_PIN == 46
#define TS_CT_OUTPUT    24
#define TS_OUTCFG       TS_REGISTER(0x4000810C)
#define TS_OUTCFG_SHIFT 12
#define TS_OUTCFG_TIMER 3u /* A2OUT */
#define TS_CTRL         TS_REGISTER(0x4000804C)
#define TS_CMPR         TS_REGISTER(0x40008044)
#else
#error "TS_LED_PIN: this port dims pad 46"
#endif
#if !TS_LED_ACTIVE_HIGH
#error "TS_LED_ACTIVE_HIGH: this port's LED lights when high"
#endif

#define TS_OUTCFG_ZERO 0u
#define TS_OUTCFG_ONE  1u
#define TS_CTENCFG     TS_REGISTER(0x40010118) /* a zero lets the output out */
#define TS_GLOBEN      TS_REGISTER(0x40008100)
#define TS_GLOBEN_A2   (1u << 4)
#define TS_CTRL_EN     (1u << 0)
#define TS_CTRL_3MHZ   (2u << 1)
#define TS_CTRL_PWM    (3u << 6)
#define TS_CTRL_CLEAR  (1u << 11)
#define TS_PERIOD      255u /* at 3 MHz: 11.8 kHz */

static void ts_apollo_led_output(uint32_t source) {
    TS_OUTCFG = (TS_OUTCFG & ~(7u << TS_OUTCFG_SHIFT)) | source << TS_OUTCFG_SHIFT;
}

void ts_apollo_led_init(void) {
    ts_apollo_led_output(TS_OUTCFG_ZERO); /* dark before the pad leaves its reset state */
    TS_CTRL = TS_CTRL_CLEAR;
    TS_CMPR = TS_PERIOD << 16 | TS_PERIOD;
    TS_CTRL = TS_CTRL_3MHZ | TS_CTRL_PWM | TS_CTRL_EN;
    TS_GLOBEN |= TS_GLOBEN_A2;
    TS_CTENCFG &= ~(1u << TS_CT_OUTPUT);
    TS_PADKEY = TS_PADKEY_KEY;
    ts_apollo_pad(TS_LED_PIN, TS_PAD_CT);
    TS_PADKEY = 0;
}

void ts_apollo_led(uint8_t brightness) {
    /* The timer cannot be still; its ends are the output's constants. */
    if (brightness == 0 || brightness == TS_PERIOD) {
        ts_apollo_led_output(brightness ? TS_OUTCFG_ONE : TS_OUTCFG_ZERO);
        return;
    }
    TS_CMPR = TS_PERIOD << 16 | (TS_PERIOD - brightness); /* low so long, then high to the period's end */
    ts_apollo_led_output(TS_OUTCFG_TIMER);
}

#endif
