/* An inference that uses nothing of the measured stack, as a leaf function does on a core that keeps the return address
 * in a register. Here every call writes to the stack: so the caller's lies elsewhere, below what is measured. */
#include <pthread.h>

#include "tinysine/app.h"
#include "tinysine/engine.h"
#include "tinysine/port.h"

enum { HALF = 65536 };
static _Alignas(16) uint8_t memory[2 * HALF];

const struct ts_port ts_port = {
    .stack_bottom = (uint32_t *)(memory + HALF),
    .stack_top = (uint32_t *)(memory + 2 * HALF),
};

int ts_engine_invoke(void) {
    return TS_OK;
}

static void *measure(void *stack_bytes) {
    return ts_stack_measure_invoke(stack_bytes) == TS_OK ? stack_bytes : NULL;
}

uint32_t measured_elsewhere(void);

uint32_t measured_elsewhere(void) {
    pthread_t thread;
    pthread_attr_t attributes;
    uint32_t stack_bytes = UINT32_MAX;
    pthread_attr_init(&attributes);
    pthread_attr_setstack(&attributes, memory, HALF);
    if (pthread_create(&thread, &attributes, measure, &stack_bytes) == 0) {
        pthread_join(thread, NULL);
    }
    return stack_bytes;
}
