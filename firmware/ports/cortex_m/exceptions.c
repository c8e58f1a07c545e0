/* A fault leaves a record and resets. */
#include "cortex_m.h"
#include "tinysine/fault.h"

void ts_fault_handler(void);
_Noreturn void ts_cortex_fault(const uint32_t *frame);

/* The stack lies at the bottom of RAM, so that its overflow faults instead of overwriting data. Then the core
 * could not save its registers (no frame, r0 = 0) or only just (the frame stays where it is, far below), and
 * the record needs a stack again: it starts from the top. */
__attribute__((naked)) void ts_fault_handler(void) {
    __asm volatile(".syntax unified\n"
                   "mrs r0, msp\n"
                   "ldr r1, =__ts_stack_bottom\n"
                   "cmp r0, r1\n"
                   "blo 1f\n"
                   "adds r1, #128\n"
                   "cmp r0, r1\n"
                   "bhs 3f\n"
                   "b 2f\n"
                   "1: movs r0, #0\n"
                   "2: ldr r1, =__ts_stack_top\n"
                   "msr msp, r1\n"
                   "3: ldr r1, =ts_cortex_fault\n"
                   "bx r1\n"
                   ".ltorg\n");
}

__attribute__((used)) void ts_cortex_fault(const uint32_t *frame) {
    uint32_t details[7] = {0, 0, 0, 0, 0, 0, 0};
    enum ts_fault_kind kind = TS_FAULT_HARD;
    if (frame != 0) {
        details[0] = frame[6];
        details[1] = frame[5];
        details[2] = frame[7];
    }
#if __ARM_ARCH >= 7
    details[3] = TS_SCB_CFSR;
    details[4] = TS_SCB_HFSR;
    details[5] = TS_SCB_MMFAR;
    details[6] = TS_SCB_BFAR;
    if (details[3] & 0xffff0000) {
        kind = TS_FAULT_USAGE;
    } else if (details[3] & 0xff00) {
        kind = TS_FAULT_BUS;
    } else if (details[3] & 0xff) {
        kind = TS_FAULT_MEMORY;
    }
#endif
    ts_fault_store(kind, details);
    for (;;) {
        ts_port.reset();
    }
}
