/* A port whose clock and line are a script: each read takes the next event, which says what the time is and what came.
 * The engine beside it answers x - 3, so that the demo's light is dark, then rises, then stays at its brightest. */
#include <setjmp.h>
#include <stddef.h>

#include "tinysine/app.h"
#include "tinysine/engine.h"
#include "tinysine/port.h"

struct script_event {
    uint32_t at_ms;
    int32_t byte; /* -1: none */
};
struct script_light {
    uint32_t at_ms;
    uint32_t level;
};

uint32_t script_run(const struct script_event *events, uint32_t count, struct script_light *lights, uint32_t room);

extern uint8_t script_written[4096];
extern uint32_t script_written_bytes;
uint8_t script_written[4096]; /* what the device said */
uint32_t script_written_bytes;

static const struct script_event *event;
static const struct script_event *events_end;
static uint32_t now_ms;
static struct script_light *light;
static uint32_t lights_left;
static jmp_buf script_end;

static void nothing(void) {
}

static int script_read(void) {
    if (event == events_end) {
        longjmp(script_end, 1);
    }
    now_ms = event->at_ms;
    return (event++)->byte;
}

static void script_write(uint8_t byte) {
    if (script_written_bytes < sizeof script_written) {
        script_written[script_written_bytes++] = byte;
    }
}

static uint32_t none(void) {
    return 0;
}

static void script_led(uint8_t brightness) {
    if (lights_left > 0) {
        lights_left--;
        *light++ = (struct script_light){now_ms, brightness};
    }
}

static uint32_t script_millis(void) {
    return now_ms;
}

static enum ts_counter no_counter(void) {
    return TS_COUNTER_NONE;
}

const struct ts_port ts_port = {
    .board = "script",
    .init = nothing,
    .read = script_read,
    .write = script_write,
    .flush = nothing,
    .overruns = none,
    .led = script_led,
    .millis = script_millis,
    .counter_start = no_counter,
    .counter_read = none,
    .counter_stop = nothing,
    .reset = nothing,
    .static_ram_bytes = none,
};

static uint8_t unused[4];

static float input[1];
static float output[1];

static const struct ts_tensor one = {0.0f, 0, 4, TS_FLOAT32, 0, 0};

const struct ts_engine ts_engine = {
    .name = "x - 3",
    .arena = unused,
    .arena_bytes = sizeof unused,
    .inputs = &one,
    .outputs = &one,
    .input_count = 1,
    .output_count = 1,
};

int ts_engine_init(void) {
    return TS_OK;
}

void *ts_engine_input(uint8_t index) {
    return input + index;
}

const void *ts_engine_output(uint8_t index) {
    return output + index;
}

int ts_engine_invoke(void) {
    output[0] = input[0] - 3.0f;
    return TS_OK;
}

/* Runs the application from its start to the end of the script; returns how many lights were shown. */
uint32_t script_run(const struct script_event *events, uint32_t count, struct script_light *lights, uint32_t room) {
    event = events;
    events_end = events + count;
    now_ms = 0;
    light = lights;
    lights_left = room;
    if (setjmp(script_end) == 0) {
        ts_app_run();
    }
    return (uint32_t)(light - lights);
}
