/* The application: what runs between the requests. */
#ifndef TINYSINE_APP_H
#define TINYSINE_APP_H

#include <stdbool.h>
#include <stdint.h>

#include "tinysine/status.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Runs the firmware. The C environment stands; port.init was not called yet. */
TS_NORETURN void ts_app_run(void);

/* What ts_engine_init said, or the reason why it was not called. */
extern int8_t ts_app_engine_status;

/* The demo: x sweeps its range, the LED follows the inferred sine. ts_demo_set returns the state it had
 * before (0 off, 1 on), or TS_UNSUPPORTED where it is not possible: there is no LED, or the model has not one
 * number in and one out. */
bool ts_demo_is_possible(void);
TS_MUST_CHECK int ts_demo_set(bool on);
void ts_demo_pause(void);
void ts_demo_step(uint32_t now_ms);

/* Writes the pattern that the arena's high-water mark is read from. Call before the engine starts. */
void ts_arena_paint(void);
/* Most bytes of the arena ever in use, counted from its front. */
uint32_t ts_arena_high_water(void);

/* Writes the pattern that the stack's high-water marks are read from. Call first, and close to the top of
 * the stack. */
void ts_stack_paint(void);
/* Most bytes of the stack ever in use. */
uint32_t ts_stack_high_water(void);
/* One inference of what the inputs hold; stack_bytes: what ts_engine_invoke alone used, its callees included. */
TS_MUST_CHECK int ts_stack_measure_invoke(uint32_t *stack_bytes);

#ifdef __cplusplus
}
#endif

#endif
