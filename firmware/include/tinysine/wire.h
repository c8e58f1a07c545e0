/* Replies as they lie in memory and on the wire: little-endian, every field on its natural boundary. */
#ifndef TINYSINE_WIRE_H
#define TINYSINE_WIRE_H

#include <stddef.h>
#include <stdint.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "replies are copied out of memory as they lie");

/* They are laid over a buffer of bytes, which the compiler must know. */
#define TS_WIRE __attribute__((may_alias))

typedef uint32_t TS_WIRE ts_wire_u32;
typedef uint16_t TS_WIRE ts_wire_u16;
typedef float TS_WIRE ts_wire_f32;

struct TS_WIRE ts_wire_identity {
    uint8_t major;
    uint8_t minor;
    uint8_t reference;
    uint8_t flags;
    uint16_t capabilities;
    uint16_t payload_max;
    uint8_t input_count;
    uint8_t output_count;
    uint16_t counter;
    uint32_t clock_hz;
    uint32_t counter_clock_hz;
    uint8_t build_id[16];
    uint8_t model_sha256[32];
    uint32_t unique_id[2]; /* eight bytes to the host */
    char names[32];        /* engine, zero, board, zero */
};
_Static_assert(offsetof(struct ts_wire_identity, clock_hz) == 12, "identity");
_Static_assert(offsetof(struct ts_wire_identity, build_id) == 20, "identity");
_Static_assert(offsetof(struct ts_wire_identity, names) == 76, "identity");
_Static_assert(sizeof(struct ts_wire_identity) <= 128, "the identity fits the smallest payload_max");

struct TS_WIRE ts_wire_tensor {
    uint8_t dtype;
    uint8_t rank;
    uint16_t zero;
    uint32_t bytes;
    float scale;
    int32_t zero_point;
    uint32_t dims[8]; /* as many as rank says */
};
_Static_assert(offsetof(struct ts_wire_tensor, dims) == 16, "DESCRIBE");

struct TS_WIRE ts_wire_layer {
    uint16_t count;
    uint16_t operator_number;
    uint8_t output;
    uint8_t dtype;
    uint8_t rank;
    uint8_t zero;
    uint32_t bytes;
    uint32_t dims[8]; /* as many as rank says; then the name */
};
_Static_assert(offsetof(struct ts_wire_layer, bytes) == 8, "LAYER");
_Static_assert(offsetof(struct ts_wire_layer, dims) == 12, "LAYER");

struct TS_WIRE ts_wire_memory {
    uint32_t arena_planned_bytes;
    uint32_t arena_used_bytes;
    uint32_t stack_reserved_bytes;
    uint32_t stack_used_bytes;
    uint32_t static_ram_bytes;
    uint32_t invoke_stack_bytes;
};
_Static_assert(sizeof(struct ts_wire_memory) == 24, "MEMORY is six words");

struct TS_WIRE ts_wire_counters {
    uint32_t answered;
    uint32_t corrupt;
    uint32_t overruns;
    uint32_t lines;
};
_Static_assert(sizeof(struct ts_wire_counters) == 16, "COUNTERS is four words");

#endif
