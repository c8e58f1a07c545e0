#include "soft_pwm.h"

/* Behind by more than these periods, nobody has polled for a while: what was missed is forgotten. */
#define TS_SOFT_PWM_PERIODS 4

static struct {
    uint8_t wanted; /* from the next period on, so that each period has one brightness */
    uint8_t shown;
    bool lit;
    uint32_t start;    /* of the period */
    uint32_t seen;     /* the last call */
    int32_t lit_ticks; /* of the period, with what earlier ones have shown too much; negative: too little */
} ts_soft_pwm;

void ts_soft_pwm_set(uint8_t brightness) {
    ts_soft_pwm.wanted = brightness;
}

static int32_t ts_soft_pwm_ticks(uint32_t period) {
    return (int32_t)(period * ts_soft_pwm.shown / UINT8_MAX);
}

/* Dark and full have no edges, so that nothing has to be waited for. */
static bool ts_soft_pwm_is_steady(void) {
    return ts_soft_pwm.shown == 0 || ts_soft_pwm.shown == UINT8_MAX;
}

static void ts_soft_pwm_begin(uint32_t now) {
    ts_soft_pwm.start = now;
    ts_soft_pwm.lit_ticks = 0;
    ts_soft_pwm.shown = ts_soft_pwm.wanted;
}

bool ts_soft_pwm_lit(uint32_t now, uint32_t period) {
    if (ts_soft_pwm.lit) {
        ts_soft_pwm.lit_ticks += (int32_t)(now - ts_soft_pwm.seen);
    }
    ts_soft_pwm.seen = now;
    bool changes = ts_soft_pwm.shown != ts_soft_pwm.wanted;
    if ((changes && ts_soft_pwm_is_steady()) || now - ts_soft_pwm.start >= TS_SOFT_PWM_PERIODS * period) {
        ts_soft_pwm_begin(now);
    }
    while (now - ts_soft_pwm.start >= period) {
        ts_soft_pwm.start += period;
        ts_soft_pwm.lit_ticks -= ts_soft_pwm_ticks(period);
        ts_soft_pwm.shown = ts_soft_pwm.wanted;
    }
    ts_soft_pwm.lit = ts_soft_pwm.lit_ticks < ts_soft_pwm_ticks(period);
    return ts_soft_pwm.lit;
}
