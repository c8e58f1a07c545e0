/* An engine whose arena the build has given, or not, and somebody who writes about it. */
#include "config.h"
#include "tinysine/app.h"
#include "tinysine/engine.h"

#define GIVEN 64

static struct {
    uint8_t outside[32];
    uint8_t before[TS_ARENA_GUARD_BYTES];
    uint8_t bytes[GIVEN];
    uint8_t behind[TS_ARENA_GUARD_BYTES];
    uint8_t beyond[32];
} memory;

extern uint8_t *const ts_arena_given;
extern const uint32_t ts_arena_given_bytes;
uint8_t *const ts_arena_given = memory.bytes;
const uint32_t ts_arena_given_bytes = GIVEN;

const struct ts_engine ts_engine = {.arena = memory.bytes + ARENA_AT, .arena_bytes = ARENA_BYTES};

void scribble(int offset, uint8_t value);
uint8_t look(int offset);

void scribble(int offset, uint8_t value) {
    memory.bytes[offset] = value;
}

uint8_t look(int offset) {
    return memory.bytes[offset];
}
