#include "soft_pwm.h"

/* Behind by more than these periods, nobody has polled for a while: what was missed is forgotten. */
#define TS_SOFT_PWM_PERIODS 4

static struct {
    uint8_t brightness;
    bool lit;
    uint32_t start;    /* of the period */
    uint32_t seen;     /* the last call */
    int32_t lit_ticks; /* of the period, with what earlier ones have shown too much; negative: too little */
} ts_soft_pwm;

void ts_soft_pwm_set(uint8_t brightness) {
    ts_soft_pwm.brightness = brightness;
}

bool ts_soft_pwm_lit(uint32_t now, uint32_t period) {
    int32_t wanted = (int32_t)(period * ts_soft_pwm.brightness / UINT8_MAX);
    if (ts_soft_pwm.lit) {
        ts_soft_pwm.lit_ticks += (int32_t)(now - ts_soft_pwm.seen);
    }
    ts_soft_pwm.seen = now;
    if (now - ts_soft_pwm.start >= TS_SOFT_PWM_PERIODS * period) {
        ts_soft_pwm.start = now;
        ts_soft_pwm.lit_ticks = 0;
    }
    while (now - ts_soft_pwm.start >= period) {
        ts_soft_pwm.start += period;
        ts_soft_pwm.lit_ticks -= wanted;
    }
    ts_soft_pwm.lit = ts_soft_pwm.lit_ticks < wanted;
    return ts_soft_pwm.lit;
}
