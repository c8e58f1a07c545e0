#include "tinysine/app.h"
#include "tinysine/engine.h"
#include "tinysine/fault.h"
#include "tinysine/link.h"
#include "tinysine/port.h"

/* So long without a byte, and nobody is talking. */
#define TS_QUIET_MS 2000

int8_t ts_app_engine_status;

static int8_t ts_app_start_engine(void) {
    /* An engine that faults as it starts would do so for ever; without it, the board can still say why. */
    bool engine_faulted = ts_noinit.pending && ts_noinit.fault.stage == TS_STAGE_ENGINE;
    ts_noinit.pending = 0;
    ts_stage(TS_STAGE_ENGINE);
    ts_arena_paint();
    return (int8_t)(engine_faulted ? TS_ENGINE : ts_engine_init());
}

/* Never inlined: on a core whose FPU its caller has just switched on, its prologue must not use it yet. */
__attribute__((noinline)) void ts_app_run(void) {
    ts_fault_init();
    ts_stage(TS_STAGE_RESET);
    ts_stack_paint();
    ts_port.init();
    ts_app_engine_status = ts_app_start_engine();
    uint32_t heard_ms = ts_port.millis();
    bool heard = false;
    for (;;) {
        int byte = ts_port.read();
        if (byte >= 0) {
            ts_stage(TS_STAGE_RECEIVING);
            ts_link_receive((uint8_t)byte);
            heard = true;
            continue;
        }
        ts_stage(TS_STAGE_IDLE);
        uint32_t now_ms = ts_port.millis();
        if (heard) {
            heard = false;
            heard_ms = now_ms;
            /* Hardware only says that there was one: note it before the next burst. */
            (void)ts_port.overruns();
            ts_demo_pause();
        }
        if (now_ms - heard_ms >= TS_QUIET_MS) {
            heard_ms = now_ms - TS_QUIET_MS; /* or the difference would wrap after 49 days of silence */
            ts_link_quiet();
            ts_demo_step(now_ms);
        }
    }
}
