#include "tinysine/app.h"
#include "tinysine/engine.h"
#include "tinysine/fault.h"
#include "tinysine/link.h"
#include "tinysine/number.h"
#include "tinysine/port.h"

static const uint8_t ts_build_id[16] = TS_BUILD_ID;

static uint8_t *ts_put_u16(uint8_t *at, uint32_t value) {
    *at++ = (uint8_t)value;
    *at++ = (uint8_t)(value >> 8);
    return at;
}

static uint8_t *ts_put_u32(uint8_t *at, uint32_t value) {
    return ts_put_u16(ts_put_u16(at, value), value >> 16);
}

static uint8_t *ts_put_float(uint8_t *at, float value) {
    union {
        float value;
        uint32_t bits;
    } word = {value};
    return ts_put_u32(at, word.bits);
}

static uint8_t *ts_put_bytes(uint8_t *at, const uint8_t *bytes, uint16_t length) {
    while (length--) {
        *at++ = *bytes++;
    }
    return at;
}

static uint8_t *ts_put_name(uint8_t *at, const char *name) {
    for (uint8_t i = 0; i < 15 && name[i] != 0; i++) {
        *at++ = (uint8_t)name[i];
    }
    *at++ = 0;
    return at;
}

static uint8_t *ts_put_tensor(uint8_t *at, const struct ts_tensor *tensor) {
    return ts_put_u32(ts_put_float(at, tensor->scale), (uint32_t)tensor->zero_point);
}

static uint8_t *ts_request_identify(uint8_t *at) {
    *at++ = TS_PROTOCOL_MAJOR;
    *at++ = TS_PROTOCOL_MINOR;
    *at++ = ts_engine.rounding;
    *at++ = ts_engine.flags;
    *at++ = ts_engine.input.dtype;
    *at++ = ts_engine.output.dtype;
    at = ts_put_u16(at, ts_engine.input.count);
    at = ts_put_u16(at, ts_engine.output.count);
    at = ts_put_u16(at, TS_PAYLOAD_BYTES);
    at = ts_put_u32(at, (uint32_t)ts_port.counter_start());
    ts_port.counter_stop();
    at = ts_put_u32(at, ts_port.clock_hz);
    at = ts_put_u32(at, ts_port.counter_clock_hz);
    at = ts_put_tensor(at, &ts_engine.input);
    at = ts_put_tensor(at, &ts_engine.output);
    at = ts_put_bytes(at, ts_build_id, sizeof ts_build_id);
    at = ts_put_bytes(at, ts_engine.model_sha256, sizeof ts_engine.model_sha256);
    ts_port.unique_id(at);
    at = ts_put_name(at + 8, ts_engine.name);
    return ts_put_name(at, ts_port.board);
}

/* Bytes of output for `length` bytes of input, `input_bytes` an inference; 0 if the lengths do not fit. */
static uint16_t ts_request_output_bytes(uint16_t length, uint32_t input_bytes) {
    uint32_t output_bytes = (uint32_t)ts_engine.output.count * ts_dtype_bytes(ts_engine.output.dtype);
    uint32_t left = length;
    uint32_t written = 0;
    do {
        written += output_bytes;
        if (left < input_bytes || written > TS_PAYLOAD_BYTES) {
            return 0;
        }
        left -= input_bytes;
    } while (left != 0);
    return (uint16_t)written;
}

static uint32_t ts_request_input_bytes(void) {
    return (uint32_t)ts_engine.input.count * ts_dtype_bytes(ts_engine.input.dtype);
}

static int ts_request_engine_status(int status, uint8_t *reply, uint16_t *reply_length) {
    if (status == TS_OK) {
        return TS_OK;
    }
    reply[0] = (uint8_t)-status;
    *reply_length = 1;
    return TS_ENGINE;
}

/* NOT_FINITE and where, if one of the float32 in bytes[0, length) is NaN or infinite. */
static int ts_request_check_floats(const uint8_t *bytes, uint16_t length, uint8_t *reply,
                                   uint16_t *reply_length) {
    for (uint16_t at = 0; at < length; at += 4) {
        if (!ts_number_is_finite(bytes + at)) {
            ts_put_u16(reply, at / 4);
            *reply_length = 2;
            return TS_NOT_FINITE;
        }
    }
    return TS_OK;
}

static int ts_request_infer(const uint8_t *payload, uint16_t length, uint8_t *reply, uint16_t *reply_length) {
    uint32_t input_bytes = ts_request_input_bytes();
    uint16_t output_bytes = ts_request_output_bytes(length, input_bytes);
    if (output_bytes == 0) {
        return TS_BAD_LENGTH;
    }
    if (ts_engine.input.dtype == TS_FLOAT32) {
        int status = ts_request_check_floats(payload, length, reply, reply_length);
        if (status != TS_OK) {
            return status;
        }
    }
    uint32_t step = (uint32_t)ts_engine.output.count * ts_dtype_bytes(ts_engine.output.dtype);
    int status = ts_link.engine;
    for (uint8_t *output = reply; status == TS_OK && output < reply + output_bytes; output += step) {
        status = ts_engine_invoke(payload, output);
        payload += input_bytes;
    }
    *reply_length = output_bytes;
    return ts_request_engine_status(status, reply, reply_length);
}

static int ts_request_infer_f32(uint8_t *payload, uint16_t length, uint8_t *reply, uint16_t *reply_length) {
    if (ts_request_output_bytes(length, 4 * (uint32_t)ts_engine.input.count) == 0) {
        return TS_BAD_LENGTH;
    }
    int status = ts_request_check_floats(payload, length, reply, reply_length);
    if (status != TS_OK) {
        return status;
    }
    uint8_t *code = payload;
    for (uint16_t at = 0; at < length; at += 4) {
        union {
            uint8_t bytes[4];
            float value;
        } word;
        ts_put_bytes(word.bytes, payload + at, 4);
        ts_number_quantize(&ts_engine.input, word.value, code);
        code += ts_dtype_bytes(ts_engine.input.dtype);
    }
    return ts_request_infer(payload, (uint16_t)(code - payload), reply, reply_length);
}

/* One raw measurement of `invoke`. */
static int ts_request_time_once(const uint8_t *input, uint8_t *output, uint32_t *count) {
    uint32_t start = ts_port.counter_read();
    int status = ts_engine_invoke(input, output);
    *count = ts_port.counter_read() - start;
    return status;
}

static int ts_request_time(uint8_t *payload, uint16_t length, uint8_t *reply, uint16_t *reply_length) {
    uint32_t input_bytes = ts_request_input_bytes();
    uint32_t output_bytes = (uint32_t)ts_engine.output.count * ts_dtype_bytes(ts_engine.output.dtype);
    if (length != 2 + input_bytes) {
        return TS_BAD_LENGTH;
    }
    uint16_t repetitions = (uint16_t)(payload[0] | payload[1] << 8);
    if (repetitions == 0 || repetitions > TS_PAYLOAD_BYTES / 4 - 1) {
        return TS_BAD_VALUE;
    }
    ts_put_bytes(payload, payload + 2, (uint16_t)input_bytes); /* the engine may want its input aligned */
    if (ts_engine.input.dtype == TS_FLOAT32) {
        int status = ts_request_check_floats(payload, (uint16_t)input_bytes, reply, reply_length);
        if (status != TS_OK) {
            return status;
        }
    }
    /* The answers are not wanted: they go where a buffer has room behind what is. */
    uint32_t counts_bytes = 4 + 4 * (uint32_t)repetitions;
    uint32_t input_words = (input_bytes + 3) / 4 * 4;
    uint8_t *output = reply + counts_bytes;
    if (counts_bytes + output_bytes > TS_PAYLOAD_BYTES + TS_CRC_BYTES) {
        output = payload + input_words;
        if (input_words + output_bytes > TS_PAYLOAD_BYTES + TS_CRC_BYTES) {
            return TS_BAD_VALUE;
        }
    }
    if (ts_link.engine != TS_OK) {
        return ts_request_engine_status(ts_link.engine, reply, reply_length);
    }
    if (ts_port.counter_start() == TS_COUNTER_NONE) {
        return TS_UNSUPPORTED;
    }
    uint32_t start = ts_port.counter_read();
    uint8_t *at = ts_put_u32(reply, ts_port.counter_read() - start);
    int status = TS_OK;
    while (status == TS_OK && repetitions--) {
        uint32_t count;
        status = ts_request_time_once(payload, output, &count);
        at = ts_put_u32(at, count);
    }
    ts_port.counter_stop();
    *reply_length = (uint16_t)counts_bytes;
    return ts_request_engine_status(status, reply, reply_length);
}

static uint8_t *ts_request_memory(uint8_t *payload, uint8_t *reply) {
    /* Any input will do: how much stack an inference takes does not depend on it. */
    uint32_t input_bytes = ts_request_input_bytes();
    uint32_t output_bytes = (uint32_t)ts_engine.output.count * ts_dtype_bytes(ts_engine.output.dtype);
    uint32_t invoke_bytes = UINT32_MAX;
    if (ts_link.engine == TS_OK && input_bytes <= TS_PAYLOAD_BYTES && output_bytes <= TS_PAYLOAD_BYTES) {
        for (uint32_t i = 0; i < input_bytes; i++) {
            payload[i] = 0;
        }
        if (ts_stack_measure_invoke(payload, reply, &invoke_bytes) != TS_OK) {
            invoke_bytes = UINT32_MAX;
        }
    }
    uint8_t *at = ts_put_u32(reply, ts_engine.arena_bytes);
    at = ts_put_u32(at, ts_arena_high_water());
    at = ts_put_u32(at, (uint32_t)((uintptr_t)ts_port.stack_top - (uintptr_t)ts_port.stack_bottom));
    at = ts_put_u32(at, ts_stack_high_water());
    at = ts_put_u32(at, ts_port.static_ram_bytes());
    return ts_put_u32(at, invoke_bytes);
}

static uint8_t *ts_request_fault(uint8_t *at) {
    if (ts_noinit.fault.count != 0) {
        const volatile uint32_t *word = &ts_noinit.fault.kind;
        for (uint8_t i = 0; i < sizeof ts_noinit.fault / 4; i++) {
            at = ts_put_u32(at, word[i]);
        }
    }
    return at;
}

static uint8_t *ts_request_counters(uint8_t *at) {
    at = ts_put_u32(at, ts_link.answered);
    at = ts_put_u32(at, ts_link.corrupt);
    at = ts_put_u32(at, ts_port.overruns());
    return ts_put_u32(at, ts_link.lines);
}

static int ts_request_demo(const uint8_t *payload, uint16_t length, uint8_t *reply, uint16_t *reply_length) {
    if (length != 1) {
        return TS_BAD_LENGTH;
    }
    if (payload[0] > 1) {
        return TS_BAD_VALUE;
    }
    if (!ts_demo_is_possible()) {
        return TS_UNSUPPORTED;
    }
    reply[0] = ts_demo_is_on();
    *reply_length = 1;
    ts_demo_set(payload[0] != 0);
    return TS_OK;
}

int ts_request_run(uint8_t request, uint8_t *payload, uint16_t length, uint8_t *reply,
                   uint16_t *reply_length) {
    ts_stage(TS_STAGE_INFERRING);
    switch (request) {
    case TS_INFER:
        return ts_request_infer(payload, length, reply, reply_length);
    case TS_INFER_F32:
        return ts_request_infer_f32(payload, length, reply, reply_length);
    case TS_TIME:
        return ts_request_time(payload, length, reply, reply_length);
    case TS_DEMO:
        return ts_request_demo(payload, length, reply, reply_length);
    default:
        break;
    }
    if (request == 0 || request > TS_COUNTERS) {
        return TS_UNKNOWN_REQUEST;
    }
    if (length != 0) {
        return TS_BAD_LENGTH;
    }
    uint8_t *end = reply;
    switch (request) {
    case TS_IDENTIFY:
        end = ts_request_identify(reply);
        break;
    case TS_MEMORY:
        end = ts_request_memory(payload, reply);
        break;
    case TS_FAULT:
        end = ts_request_fault(reply);
        break;
    case TS_COUNTERS:
        end = ts_request_counters(reply);
        break;
    default: /* TS_RESET: the reply goes first */
        break;
    }
    *reply_length = (uint16_t)(end - reply);
    return TS_OK;
}
