/* How much of the engine's arena is ever used, measured as for the stack, whatever the engine says. */
#include "tinysine/app.h"
#include "tinysine/engine.h"

#define TS_ARENA_PATTERN 0x5A

void ts_arena_paint(void) {
    for (uint32_t i = 0; i < ts_engine.arena_bytes; i++) {
        ts_engine.arena[i] = TS_ARENA_PATTERN;
    }
}

uint32_t ts_arena_high_water(void) {
    uint32_t used = ts_engine.arena_bytes;
    while (used > 0 && ts_engine.arena[used - 1] == TS_ARENA_PATTERN) {
        used--;
    }
    return used;
}
