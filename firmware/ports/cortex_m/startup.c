/* From reset to the application. Nothing is assumed: three boot loaders hand over three different states. */
#include "config.h"
#include "cortex_m.h"
#include "tinysine/app.h"

extern uint32_t __ts_data_start[], __ts_data_end[];
extern const uint32_t __ts_data_load[];
extern uint32_t __ts_bss_start[], __ts_bss_end[];
#ifdef TS_CONSTRUCTORS /* of C++ objects in an engine of the user's */
extern void (*const __ts_constructors_start[])(void);
extern void (*const __ts_constructors_end[])(void);
#endif

void ts_reset_handler(void);
void ts_fault_handler(void);
_Noreturn void ts_cortex_start(void);

struct ts_vectors {
    uint32_t *stack;
    void (*handlers[15])(void);
};

/* No interrupt is used; every exception that nobody asked for is a fault. VTOR wants 128-byte alignment for
 * these. */
__attribute__((section(".vectors"), used, aligned(128))) const struct ts_vectors ts_vectors = {
    __ts_stack_top,
    {
        ts_reset_handler,
        ts_fault_handler, /* NMI */
        ts_fault_handler, /* HardFault */
        ts_fault_handler, /* MemManage */
        ts_fault_handler, /* BusFault */
        ts_fault_handler, /* UsageFault */
        0,
        0,
        0,
        0,
        ts_fault_handler, /* SVCall */
        ts_fault_handler, /* DebugMonitor */
        0,
        ts_fault_handler, /* PendSV */
        ts_fault_handler, /* SysTick */
    },
};

/* A loader may have jumped here with interrupts off, its own stack, or the process stack selected. */
__attribute__((naked)) void ts_reset_handler(void) {
    __asm volatile(".syntax unified\n"
                   "cpsid i\n"
                   "ldr r0, =__ts_stack_top\n"
                   "msr msp, r0\n"
                   "movs r0, #0\n"
                   "msr control, r0\n"
                   "isb\n"
                   "ldr r0, =ts_cortex_start\n"
                   "bx r0\n"
                   ".ltorg\n");
}

__attribute__((used)) void ts_cortex_start(void) {
#if __ARM_ARCH >= 7
    TS_MPU_CTRL = 0; /* a loader's MPU may forbid what the application does */
    TS_SCB_VTOR = (uint32_t)(uintptr_t)&ts_vectors;
#ifdef __ARM_FP
    TS_SCB_CPACR |= 0xFu << 20; /* CP10 and CP11: full access */
#endif
    __asm volatile("dsb\n\tisb" ::: "memory");
#endif
    TS_SYST_CSR = 0;
    TS_SCB_ICSR = 1u << 27 | 1u << 25; /* PENDSVCLR, PENDSTCLR */
#if __ARM_ARCH >= 7
    for (uint32_t offset = 0; offset < 32; offset += 4) {
#else
    for (uint32_t offset = 0; offset < 4; offset += 4) {
#endif
        TS_REGISTER(TS_NVIC_ICER + offset) = UINT32_MAX;
        TS_REGISTER(TS_NVIC_ICPR + offset) = UINT32_MAX;
    }
    const uint32_t *load = __ts_data_load;
    for (uint32_t *at = __ts_data_start; at < __ts_data_end; at++) {
        *at = *load++;
    }
    for (uint32_t *at = __ts_bss_start; at < __ts_bss_end; at++) {
        *at = 0;
    }
#ifdef TS_CONSTRUCTORS
    for (void (*const *construct)(void) = __ts_constructors_start; construct < __ts_constructors_end;) {
        (*construct++)();
    }
#endif
    __asm volatile("cpsie i" ::: "memory");
    ts_app_run();
}

uint32_t ts_cortex_static_ram_bytes(void) {
    return (uint32_t)((uintptr_t)__ts_data_end - (uintptr_t)__ts_data_start + (uintptr_t)__ts_bss_end -
                      (uintptr_t)__ts_bss_start);
}

void ts_cortex_reset(void) {
    __asm volatile("dsb" ::: "memory");
    TS_SCB_AIRCR = 0x05FA0004; /* VECTKEY, SYSRESETREQ */
    __asm volatile("dsb" ::: "memory");
    for (;;) {
    }
}
