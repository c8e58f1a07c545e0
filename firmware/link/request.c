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

static int ts_request_identify(struct ts_wire_identity *identity) {
    identity->major = TS_PROTOCOL_MAJOR;
    identity->minor = TS_PROTOCOL_MINOR;
    identity->rounding = ts_engine.rounding;
    identity->flags = ts_engine.flags;
    identity->input_dtype = ts_engine.input.dtype;
    identity->output_dtype = ts_engine.output.dtype;
    identity->input_count = ts_engine.input.count;
    identity->output_count = ts_engine.output.count;
    identity->payload_max = TS_PAYLOAD_BYTES;
    identity->counter = (uint32_t)ts_port.counter_start();
    ts_port.counter_stop();
    identity->clock_hz = ts_port.clock_hz;
    identity->counter_clock_hz = ts_port.counter_clock_hz;
    identity->input_scale = ts_engine.input.scale;
    identity->input_zero_point = ts_engine.input.zero_point;
    identity->output_scale = ts_engine.output.scale;
    identity->output_zero_point = ts_engine.output.zero_point;
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

static uint32_t ts_request_tensor_bytes(const struct ts_tensor *tensor) {
    return (uint32_t)tensor->count * ts_dtype_bytes(tensor->dtype);
}

/* Bytes of output for `length` bytes of input, `input_bytes` an inference; BAD_LENGTH if that does not come
 * out. */
static int ts_request_output_bytes(uint32_t length, uint32_t input_bytes) {
    uint32_t output_bytes = ts_request_tensor_bytes(&ts_engine.output);
    uint32_t written = 0;
    do {
        written += output_bytes;
        if (length < input_bytes || written > TS_PAYLOAD_BYTES) {
            return TS_BAD_LENGTH;
        }
        length -= input_bytes;
    } while (length != 0);
    return (int)written;
}

static int ts_request_invoke(const uint8_t *input, uint8_t *output, uint8_t *reply) {
    int status = ts_app_engine_status;
    if (status == TS_OK) {
        status = ts_engine_invoke(input, output);
    }
    if (status != TS_OK) {
        reply[0] = (uint8_t)-status;
        return TS_ENGINE;
    }
    return TS_OK;
}

/* NOT_FINITE and where, if one of the float32 in payload[0, length) is NaN or infinite. */
static int ts_request_check_floats(const uint8_t *payload, uint32_t length, uint8_t *reply) {
    for (uint16_t i = 0; i < length / 4; i++) {
        if (!ts_number_is_finite(((const ts_wire_f32 *)payload)[i])) {
            *(ts_wire_u16 *)reply = i;
            return TS_NOT_FINITE;
        }
    }
    return TS_OK;
}

/* As above, where the model's own input is float32. */
static int ts_request_check_input(const uint8_t *payload, uint32_t length, uint8_t *reply) {
    return ts_engine.input.dtype == TS_FLOAT32 ? ts_request_check_floats(payload, length, reply) : TS_OK;
}

static int ts_request_infer(const uint8_t *payload, uint32_t length, uint8_t *reply) {
    uint32_t input_bytes = ts_request_tensor_bytes(&ts_engine.input);
    int written = ts_request_output_bytes(length, input_bytes);
    if (written < 0) {
        return written;
    }
    int status = ts_request_check_input(payload, length, reply);
    uint32_t output_bytes = ts_request_tensor_bytes(&ts_engine.output);
    for (uint8_t *output = reply; status == TS_OK && output < reply + written; output += output_bytes) {
        status = ts_request_invoke(payload, output, reply);
        payload += input_bytes;
    }
    return status == TS_OK ? written : status;
}

static int ts_request_infer_f32(uint8_t *payload, uint32_t length, uint8_t *reply) {
    int status = ts_request_output_bytes(length, 4 * (uint32_t)ts_engine.input.count);
    if (status < 0) {
        return status;
    }
    status = ts_request_check_floats(payload, length, reply);
    if (status != TS_OK) {
        return status;
    }
    const ts_wire_f32 *value = (const ts_wire_f32 *)payload;
    uint8_t *code = payload; /* never overtakes value */
    for (uint32_t count = length / 4; count != 0; count--) {
        ts_number_quantize(&ts_engine.input, *value++, code);
        code += ts_dtype_bytes(ts_engine.input.dtype);
    }
    return ts_request_infer(payload, (uint32_t)(code - payload), reply);
}

static int ts_request_time(uint8_t *payload, uint32_t length, uint8_t *reply) {
    uint32_t input_bytes = ts_request_tensor_bytes(&ts_engine.input);
    uint32_t output_bytes = ts_request_tensor_bytes(&ts_engine.output);
    uint32_t repetitions = *(ts_wire_u16 *)payload;
    if (length != 2 + input_bytes) {
        return TS_BAD_LENGTH;
    }
    uint32_t counts_bytes = 4 + 4 * repetitions;
    if (repetitions == 0 || counts_bytes > TS_PAYLOAD_BYTES) {
        return TS_BAD_VALUE;
    }
    ts_request_copy(payload, payload + 2, (uint16_t)input_bytes); /* the engine may want it aligned */
    int status = ts_request_check_input(payload, input_bytes, reply);
    if (status != TS_OK) {
        return status;
    }
    /* The answers are not wanted: they go where a buffer has room behind what is, the CRC's included. */
    uint8_t *output = reply + counts_bytes;
    if (counts_bytes + output_bytes > TS_PAYLOAD_BYTES + TS_CRC_BYTES) {
        input_bytes = (input_bytes + 3) & ~UINT32_C(3);
        output = payload + input_bytes;
        if (input_bytes + output_bytes > TS_PAYLOAD_BYTES + TS_CRC_BYTES) {
            return TS_BAD_VALUE;
        }
    }
    /* Once without the clock: an engine that refuses does so here. */
    status = ts_request_invoke(payload, output, reply);
    if (status != TS_OK) {
        return status;
    }
    if (ts_port.counter_start() == TS_COUNTER_NONE) {
        return TS_UNSUPPORTED;
    }
    ts_wire_u32 *count = (ts_wire_u32 *)reply;
    uint32_t start = ts_port.counter_read();
    *count++ = ts_port.counter_read() - start;
    while (status == TS_OK && repetitions-- != 0) {
        start = ts_port.counter_read();
        status = ts_engine_invoke(payload, output);
        *count++ = ts_port.counter_read() - start;
    }
    ts_port.counter_stop();
    if (status != TS_OK) {
        reply[0] = (uint8_t)-status;
        return TS_ENGINE;
    }
    return (int)counts_bytes;
}

static int ts_request_memory(uint8_t *payload, uint8_t *reply) {
    /* Any input will do: how much stack an inference takes does not depend on it. */
    uint32_t input_bytes = ts_request_tensor_bytes(&ts_engine.input);
    uint32_t invoke_stack_bytes = UINT32_MAX;
    if (ts_app_engine_status == TS_OK && input_bytes <= TS_PAYLOAD_BYTES &&
        ts_request_tensor_bytes(&ts_engine.output) <= TS_PAYLOAD_BYTES) {
        while (input_bytes != 0) {
            payload[--input_bytes] = 0;
        }
        if (ts_stack_measure_invoke(payload, reply, &invoke_stack_bytes) != TS_OK) {
            invoke_stack_bytes = UINT32_MAX;
        }
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

int ts_request_run(uint8_t request, uint8_t *payload, uint32_t length, uint8_t *reply) {
    ts_stage(TS_STAGE_INFERRING);
    switch (request) {
    case TS_INFER:
        return ts_request_infer(payload, length, reply);
    case TS_INFER_F32:
        return ts_request_infer_f32(payload, length, reply);
    case TS_TIME:
        return ts_request_time(payload, length, reply);
    default:
        break;
    }
    if (request == 0 || request > TS_COUNTERS) {
        return TS_UNKNOWN_REQUEST;
    }
    if (length != (request == TS_DEMO)) {
        return TS_BAD_LENGTH;
    }
    switch (request) {
    case TS_IDENTIFY:
        return ts_request_identify((struct ts_wire_identity *)reply);
    case TS_MEMORY:
        return ts_request_memory(payload, reply);
    case TS_FAULT:
        return ts_request_fault(reply);
    case TS_DEMO:
        return ts_request_demo(payload, reply);
    case TS_COUNTERS:
        return ts_request_counters((struct ts_wire_counters *)reply);
    default: /* TS_RESET: its reply goes first */
        return 0;
    }
}
