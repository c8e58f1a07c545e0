/* A dimmed LED on a pin that no timer drives: whoever polls often enough is told when to switch it. */
#ifndef TINYSINE_SOFT_PWM_H
#define TINYSINE_SOFT_PWM_H

#include <stdbool.h>
#include <stdint.h>

void ts_soft_pwm_set(uint8_t brightness);

/* Whether the LED is to be lit at the moment `now` of a clock that counts freely over 32 bits; `period` is in
 * its ticks, at most 2^24. What a late call shows too long or too short, the next periods make good. */
bool ts_soft_pwm_lit(uint32_t now, uint32_t period);

/* The same, by calling `show` whenever that changes. The LED is dark at first. For one caller, into which it
 * is inlined. */
static inline void ts_soft_pwm_poll(uint32_t now, uint32_t period, void (*show)(bool lit)) {
    static bool lit;
    if (ts_soft_pwm_lit(now, period) != lit) {
        lit = !lit;
        show(lit);
    }
}

#endif
