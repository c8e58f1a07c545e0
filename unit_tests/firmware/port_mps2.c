/* A port to test firmware/ports/cortex_m with: Arm's MPS2 board as QEMU models it, with the CMSDK's UART. */
#include "config.h"
#include "ports/cortex_m/cortex_m.h"
#include "tinysine/fault.h"

#define TS_CMSDK_DATA    TS_REGISTER(0x40004000)
#define TS_CMSDK_STATE   TS_REGISTER(0x40004004)
#define TS_CMSDK_CTRL    TS_REGISTER(0x40004008)
#define TS_CMSDK_BAUDDIV TS_REGISTER(0x40004010)

static void ts_mps2_init(void) {
    ts_stage(TS_STAGE_CLOCKS);
    ts_systick_start();
    ts_stage(TS_STAGE_PORT);
    TS_CMSDK_BAUDDIV = 217;
    TS_CMSDK_CTRL = 3;
}

static int ts_mps2_read(void) {
    return TS_CMSDK_STATE & 2 ? (int)(TS_CMSDK_DATA & 0xff) : -1;
}

static void ts_mps2_write(uint8_t byte) {
    while (TS_CMSDK_STATE & 1) {
    }
    TS_CMSDK_DATA = byte;
}

static void ts_mps2_flush(void) {
    while (TS_CMSDK_STATE & 1) {
    }
}

static uint32_t ts_mps2_overruns(void) {
    return 0;
}

static void ts_mps2_unique_id(uint8_t id[8]) {
    for (int i = 0; i < 8; i++) {
        id[i] = 0;
    }
}

const struct ts_port ts_port = {
    .board = TS_BOARD_NAME,
    .init = ts_mps2_init,
    .read = ts_mps2_read,
    .write = ts_mps2_write,
    .flush = ts_mps2_flush,
    .overruns = ts_mps2_overruns,
    .millis = ts_systick_millis,
    .counter_start = ts_cortex_counter_start,
    .counter_read = ts_cortex_counter_read,
    .counter_stop = ts_cortex_counter_stop,
    .clock_hz = TS_CLOCK_HZ,
    .counter_clock_hz = TS_CLOCK_HZ,
    .unique_id = ts_mps2_unique_id,
    .reset = ts_cortex_reset,
    .stack_bottom = __ts_stack_bottom,
    .stack_top = __ts_stack_top,
    .static_ram_bytes = ts_cortex_static_ram_bytes,
};
