/* The device's link on this computer: bytes in, bytes out, around an engine whose answers can be redone. */
#include <string.h>

#include "tinysine/app.h"
#include "tinysine/engine.h"
#include "tinysine/fault.h"
#include "tinysine/link.h"
#include "tinysine/port.h"

enum { INPUTS = 4, OUTPUTS = 3, OUT_BYTES = 65536 };

int8_t ts_app_engine_status;

static uint8_t bench_out[OUT_BYTES];
static uint32_t bench_out_length;
static uint32_t bench_inferred;
static uint32_t bench_resets;

/* Inputs and outputs of one inference fit a frame; built with TS_BENCH_PARTS, they do not. */
static uint8_t bench_input[INPUTS];
static uint8_t bench_output[OUTPUTS];
static const uint32_t bench_dims[] = {INPUTS, OUTPUTS};
static const struct ts_tensor bench_inputs[] = {{0.5f, 0, INPUTS, TS_INT8, 1, bench_dims}};
static const struct ts_tensor bench_outputs[] = {{0.25f, 0, OUTPUTS, TS_INT8, 1, bench_dims + 1}};

const struct ts_engine ts_engine = {
    .name = "link bench",
    .model_sha256 = {1, 2, 3, 4, 5, 6, 7, 8},
    .inputs = bench_inputs,
    .outputs = bench_outputs,
    .input_count = 1,
    .output_count = 1,
};

int ts_engine_init(void) {
    return TS_OK;
}

void *ts_engine_input(uint8_t index) {
    (void)index;
    return bench_input;
}

const void *ts_engine_output(uint8_t index) {
    (void)index;
    return bench_output;
}

int ts_engine_invoke(void) {
    const uint8_t *in = bench_input;
    uint8_t *out = bench_output;
    for (int i = 0; i < OUTPUTS; i++) {
        uint32_t sum = 7u + 5u * (uint32_t)i;
        for (int j = 0; j < INPUTS; j++) {
            sum = 31u * sum + in[j];
        }
        out[i] = (uint8_t)(sum ^ (sum >> 8));
    }
    bench_inferred++;
    return TS_OK;
}

static void bench_init(void) {
}

static int bench_read(void) {
    return -1;
}

static void bench_write(uint8_t byte) {
    if (bench_out_length < OUT_BYTES) {
        bench_out[bench_out_length++] = byte;
    }
}

static void bench_flush(void) {
}

static uint32_t bench_zero(void) {
    return 0;
}

static enum ts_counter bench_counter_start(void) {
    return TS_COUNTER_NONE;
}

static void bench_counter_stop(void) {
}

void bench_reset(void) {
    memset(&ts_link, 0, sizeof ts_link);
    bench_resets++;
}

const struct ts_port ts_port = {
    .board = "bench",
    .init = bench_init,
    .read = bench_read,
    .write = bench_write,
    .flush = bench_flush,
    .overruns = bench_zero,
    .millis = bench_zero,
    .counter_start = bench_counter_start,
    .counter_read = bench_zero,
    .counter_stop = bench_counter_stop,
    .reset = bench_reset,
    .static_ram_bytes = bench_zero,
};

void bench_power_on(void) {
    memset(&ts_link, 0, sizeof ts_link);
    memset((void *)&ts_noinit, 0, sizeof ts_noinit);
    ts_fault_init();
    bench_out_length = 0;
    bench_inferred = 0;
    bench_resets = 0;
}

/* Receives bytes; stops when the device resets, for what follows is lost. */
void bench_feed(const uint8_t *bytes, uint32_t length) {
    uint32_t resets = bench_resets;
    while (length-- != 0 && resets == bench_resets) {
        ts_link_receive(*bytes++);
    }
}

/* Hands over what the device has sent: the number of bytes, and where they are until it sends again. */
uint32_t bench_take(const uint8_t **bytes) {
    uint32_t length = bench_out_length;
    bench_out_length = 0;
    *bytes = bench_out;
    return length;
}

uint32_t bench_count_inferred(void) {
    return bench_inferred;
}

uint32_t bench_count_resets(void) {
    return bench_resets;
}
