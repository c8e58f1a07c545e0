#include "tinysine/fault.h"
#include "tinysine/port.h"

#define TS_NOINIT_MARK UINT32_C(0x7153f417)

_Static_assert(sizeof(struct ts_fault_record) == 40, "the FAULT reply is ten words");

/* Arduino's linker scripts of other cores than AVR have no such section: there the record ends with
 * a reset. */
#if defined(__ELF__) && (defined(__AVR__) || !defined(ARDUINO))
__attribute__((section(".noinit")))
#endif
volatile struct ts_noinit ts_noinit;

void ts_fault_init(void) {
    if (ts_noinit.mark == TS_NOINIT_MARK && ts_noinit.mark_inverted == ~TS_NOINIT_MARK) {
        return;
    }
    ts_noinit.stage = 0;
    ts_noinit.pending = 0;
    ts_noinit.fault.count = 0;
    ts_noinit.mark = TS_NOINIT_MARK;
    ts_noinit.mark_inverted = ~TS_NOINIT_MARK;
}

void ts_fault_store(enum ts_fault_kind kind, const uint32_t details[7]) {
    ts_fault_init(); /* the fault may have come before the application did */
    ts_noinit.pending = 1;
    ts_noinit.fault.kind = (uint32_t)kind;
    ts_noinit.fault.stage = ts_noinit.stage;
    volatile uint32_t *word = &ts_noinit.fault.pc;
    for (uint8_t i = 0; i < 7; i++) {
        word[i] = details[i];
    }
    ts_noinit.fault.count++;
}

void ts_fault_assert(void) {
    uint32_t details[7] = {(uint32_t)(uintptr_t)__builtin_return_address(0), 0, 0, 0, 0, 0, 0};
    ts_fault_store(TS_FAULT_ASSERTION, details);
    for (;;) {
        ts_port.reset();
    }
}
