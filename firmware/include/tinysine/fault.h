/* What went wrong before the last reset: kept in memory that a reset leaves alone, lost at power-off. */
#ifndef TINYSINE_FAULT_H
#define TINYSINE_FAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "tinysine/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The last stage that the firmware reached; the numbers are those of the FAULT reply. */
enum ts_stage {
    TS_STAGE_RESET = 1,
    TS_STAGE_CLOCKS,
    TS_STAGE_PORT,
    TS_STAGE_ENGINE,
    TS_STAGE_IDLE,
    TS_STAGE_RECEIVING,
    TS_STAGE_INFERRING,
    TS_STAGE_REPLYING,
};

enum ts_fault_kind {
    TS_FAULT_HARD = 1,
    TS_FAULT_BUS,
    TS_FAULT_USAGE,
    TS_FAULT_MEMORY,
    TS_FAULT_ASSERTION,
};

/* The payload of the FAULT reply. A register that a core does not have is 0. */
struct ts_fault_record {
    uint32_t kind;
    uint32_t stage;
    uint32_t pc;
    uint32_t lr;
    uint32_t xpsr;
    uint32_t cfsr;
    uint32_t hfsr;
    uint32_t mmfar;
    uint32_t bfar;
    uint32_t count; /* faults since power-on; 0: the record is empty */
};

/* Both marks must be right for the rest to mean anything: memory holds noise after power-on. */
struct ts_noinit {
    uint32_t mark;
    uint32_t stage;   /* enum ts_stage, now */
    uint32_t pending; /* 1: the last reset came from a fault */
    struct ts_fault_record fault;
    uint32_t mark_inverted;
};

extern volatile struct ts_noinit ts_noinit;

static inline void ts_stage(enum ts_stage stage) {
    ts_noinit.stage = (uint32_t)stage;
}

/* Clears the record if memory holds noise. Call before anything else in this header. */
void ts_fault_init(void);

/* Adds a fault to the record. details: pc, lr, xpsr, cfsr, hfsr, mmfar, bfar. The caller then resets. */
void ts_fault_store(enum ts_fault_kind kind, const uint32_t details[7]);

/* For an engine that cannot go on: leaves a record of kind TS_FAULT_ASSERTION whose pc is the caller, and
 * resets. */
TS_NORETURN void ts_fault_assert(void);

#ifdef __cplusplus
}
#endif

#endif
