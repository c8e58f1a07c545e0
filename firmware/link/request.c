/* What each request does. Handlers give back the length of the reply's payload, or a status (negative). */
#include "tinysine/app.h"
#include "tinysine/engine.h"
#include "tinysine/fault.h"
#include "tinysine/link.h"
#include "tinysine/number.h"
#include "tinysine/port.h"
#include "tinysine/wire.h"

static void ts_request_copy(uint8_t *to, const uint8_t *from, uint16_t length) {
    while (length--) {
        *to++ = *from++;
    }
}

/* A name is at most 15 characters and the zero that ends it. */
static char *ts_request_put_name(char *at, const char *name) {
    char *end = at + 15;
    while (at < end && *name != 0) {
        *at++ = *name++;
    }
    *at++ = 0;
    return at;
}

static uint16_t ts_request_capabilities(bool counts) {
    uint16_t can = TS_CAN_MEMORY | TS_CAN_FAULT | TS_CAN_RESET | TS_CAN_COUNTERS | TS_CAN_TEXT | TS_CAN_PARTS;
    can |= ts_infer_capabilities();
    can |= counts ? TS_CAN_TIME : 0;
    can |= ts_demo_is_possible() ? TS_CAN_DEMO : 0;
#ifdef TS_ENGINE_LAYERS
    can |= ts_layers_capabilities();
#endif
    return can;
}

static int ts_request_identify(struct ts_wire_identity *identity) {
    identity->major = TS_PROTOCOL_MAJOR;
    identity->minor = TS_PROTOCOL_MINOR;
    identity->reference = ts_engine.reference;
    identity->flags = ts_engine.flags;
    identity->payload_max = TS_PAYLOAD_BYTES;
    identity->input_count = ts_engine.input_count;
    identity->output_count = ts_engine.output_count;
    identity->counter = (uint16_t)ts_port.counter_start();
    ts_port.counter_stop();
    identity->capabilities = ts_request_capabilities(identity->counter != TS_COUNTER_NONE);
    identity->clock_hz = ts_port.clock_hz;
    identity->counter_clock_hz = ts_port.counter_clock_hz;
    ts_request_copy(identity->build_id, ts_build_id, sizeof ts_build_id);
    ts_request_copy(identity->model_sha256, ts_engine.model_sha256, sizeof ts_engine.model_sha256);
    if (ts_port.unique_id != 0) {
        ts_port.unique_id(identity->unique_id);
    } else {
        uint8_t *id = (uint8_t *)identity->unique_id;
        for (uint8_t i = 0; i < sizeof identity->unique_id; i++) {
            id[i] = 0;
        }
    }
    char *end = ts_request_put_name(identity->names, ts_engine.name);
    return (int)(ts_request_put_name(end, ts_port.board) - (char *)identity);
}

static int ts_request_describe(const uint8_t *payload, struct ts_wire_tensor *reply) {
    const TS_FLASH struct ts_tensor *tensor = payload[0] == 0 ? ts_engine.inputs : ts_engine.outputs;
    uint8_t count = payload[0] == 0 ? ts_engine.input_count : ts_engine.output_count;
    if (payload[0] > 1 || payload[1] >= count) {
        return TS_BAD_VALUE;
    }
    tensor += payload[1];
    reply->dtype = tensor->dtype;
    reply->rank = tensor->rank;
    reply->zero = 0;
    reply->bytes = tensor->bytes;
    reply->scale = tensor->scale;
    reply->zero_point = tensor->zero_point;
    for (uint8_t i = 0; i < tensor->rank; i++) {
        reply->dims[i] = tensor->dims[i];
    }
    return (int)(offsetof(struct ts_wire_tensor, dims) + 4u * tensor->rank);
}

static int ts_request_memory(uint8_t *reply) {
    /* Any input will do: how much stack an inference takes does not depend on it. */
    uint32_t invoke_stack_bytes = UINT32_MAX;
    if (ts_app_engine_status == TS_OK && ts_stack_measure_invoke(&invoke_stack_bytes) != TS_OK) {
        invoke_stack_bytes = UINT32_MAX;
    }
    struct ts_wire_memory *memory = (struct ts_wire_memory *)reply;
    memory->arena_planned_bytes = ts_engine.arena_bytes;
    memory->arena_used_bytes = ts_arena_high_water();
    memory->stack_reserved_bytes =
        TS_STACK_BYTES == 0 ? UINT32_MAX
                            : (uint32_t)((uintptr_t)ts_port.stack_top - (uintptr_t)ts_port.stack_bottom);
    memory->stack_used_bytes = ts_stack_high_water();
    memory->static_ram_bytes = ts_port.static_ram_bytes();
    memory->invoke_stack_bytes = invoke_stack_bytes;
    return sizeof *memory;
}

static int ts_request_fault(uint8_t *reply) {
    if (ts_noinit.fault.count == 0) {
        return 0;
    }
    ts_request_copy(reply, (const uint8_t *)&ts_noinit.fault, sizeof ts_noinit.fault);
    return sizeof ts_noinit.fault;
}

static int ts_request_counters(struct ts_wire_counters *counters) {
    counters->answered = ts_link.answered;
    counters->corrupt = ts_link.corrupt;
    counters->overruns = ts_port.overruns();
    counters->lines = ts_link.lines;
    return sizeof *counters;
}

static int ts_request_demo(const uint8_t *payload, uint8_t *reply) {
    if (payload[0] > 1) {
        return TS_BAD_VALUE;
    }
    int before = ts_demo_set(payload[0] != 0);
    reply[0] = (uint8_t)before;
    return before < 0 ? before : 1;
}

/* The length that a request's payload must have; 255 where the request looks at that itself. */
static uint8_t ts_request_length(uint8_t request) {
    switch (request) {
    case TS_INFER:
    case TS_INFER_F32:
    case TS_TIME:
    case TS_WRITE:
    case TS_RUN:
        return UINT8_MAX;
    case TS_DEMO:
        return 1;
    case TS_DESCRIBE:
        return 2;
    case TS_READ:
        return 6;
    default:
        return 0;
    }
}

int ts_request_run(uint8_t request, uint8_t *payload, uint32_t length, uint8_t *reply) {
    ts_stage(TS_STAGE_INFERRING);
#ifdef TS_ENGINE_LAYERS
    if (request == TS_LAYER || request == TS_READ_LAYER) {
        return ts_layers_run(request, payload, length, reply);
    }
#endif
    if (request == 0 || request > TS_READ) {
        return TS_UNKNOWN_REQUEST;
    }
    uint8_t wanted = ts_request_length(request);
    if (wanted != UINT8_MAX && length != wanted) {
        return TS_BAD_LENGTH;
    }
    switch (request) {
    case TS_IDENTIFY:
        return ts_request_identify((struct ts_wire_identity *)reply);
    case TS_INFER:
        return ts_infer_frame(payload, length, reply);
    case TS_INFER_F32:
        return ts_infer_f32(payload, length, reply);
    case TS_TIME:
        return ts_infer_time(payload, length, reply);
    case TS_MEMORY:
        return ts_request_memory(reply);
    case TS_FAULT:
        return ts_request_fault(reply);
    case TS_DEMO:
        return ts_request_demo(payload, reply);
    case TS_COUNTERS:
        return ts_request_counters((struct ts_wire_counters *)reply);
    case TS_DESCRIBE:
        return ts_request_describe(payload, (struct ts_wire_tensor *)reply);
    case TS_WRITE:
        return ts_infer_write(payload, length, reply);
    case TS_RUN:
        return ts_infer_run(payload, length, reply);
    case TS_READ:
        return ts_infer_read(payload, reply);
    default: /* TS_RESET: its reply goes first */
        return 0;
    }
}
