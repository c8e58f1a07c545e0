/* How much of the engine's arena is ever used, measured as for the stack, whatever the engine says. Where the build
 * gave the engine its arena, there are guards on both sides of it, and a damaged one counts as used. */
#include "config.h"
#include "tinysine/app.h"
#include "tinysine/engine.h"

#define TS_ARENA_PATTERN 0x5A

#ifdef TS_ARENA_GUARD_BYTES
extern uint8_t *const ts_arena_given;
extern const uint32_t ts_arena_given_bytes;

/* On each side; an engine may have an arena of its own instead. */
static uint32_t ts_arena_guard_bytes(void) {
    bool given = ts_engine.arena == ts_arena_given && ts_engine.arena_bytes <= ts_arena_given_bytes;
    return given ? TS_ARENA_GUARD_BYTES : 0;
}
#else
static uint32_t ts_arena_guard_bytes(void) {
    return 0;
}
#endif

static uint32_t ts_arena_used(const uint8_t *bytes, uint32_t length) {
    while (length > 0 && bytes[length - 1] == TS_ARENA_PATTERN) {
        length--;
    }
    return length;
}

void ts_arena_paint(void) {
    uint32_t guard_bytes = ts_arena_guard_bytes();
    uint8_t *bytes = ts_engine.arena - guard_bytes;
    for (uint32_t i = 0; i < ts_engine.arena_bytes + 2 * guard_bytes; i++) {
        bytes[i] = TS_ARENA_PATTERN;
    }
}

uint32_t ts_arena_high_water(void) {
    uint32_t guard_bytes = ts_arena_guard_bytes();
    if (ts_arena_used(ts_engine.arena - guard_bytes, guard_bytes) != 0) {
        return ts_engine.arena_bytes + guard_bytes;
    }
    return ts_arena_used(ts_engine.arena, ts_engine.arena_bytes + guard_bytes);
}
