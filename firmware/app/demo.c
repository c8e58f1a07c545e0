#include "tinysine/app.h"
#include "tinysine/number.h"
#include "tinysine/port.h"

/* One sweep of x is 256 steps of 16 ms: about four seconds. */
#define TS_DEMO_STEP_SHIFT 4
#define TS_TWO_PI          6.2831853f

static struct {
    bool off; /* on after reset */
    bool running;
    uint8_t step;
    uint32_t start_ms;
} ts_demo;

bool ts_demo_is_possible(void) {
    return ts_port.led != 0 && ts_number_is_possible();
}

int ts_demo_set(bool on) {
    if (!ts_demo_is_possible()) {
        return TS_UNSUPPORTED;
    }
    int before = !ts_demo.off;
    ts_demo.off = !on;
    if (!on) {
        ts_port.led(0);
    }
    return before;
}

void ts_demo_pause(void) {
    ts_demo.running = false;
}

static uint8_t ts_demo_brightness(float sine) {
    float brightness = (sine + 1.0f) * 127.5f + 0.5f;
    if (brightness < 0.0f) {
        return 0;
    }
    return brightness < 255.0f ? (uint8_t)brightness : 255;
}

void ts_demo_step(uint32_t now_ms) {
    if (ts_demo.off || !ts_demo_is_possible()) {
        return;
    }
    if (!ts_demo.running) {
        ts_demo.running = true;
        ts_demo.start_ms = now_ms;
        ts_demo.step = UINT8_MAX;
    }
    uint8_t step = (uint8_t)((now_ms - ts_demo.start_ms) >> TS_DEMO_STEP_SHIFT);
    if (step == ts_demo.step) {
        return;
    }
    ts_demo.step = step;
    float y;
    int32_t code;
    if (ts_number_infer((float)step * (TS_TWO_PI / 256), &y, &code) == TS_OK) {
        ts_port.led(ts_demo_brightness(y));
    }
}
