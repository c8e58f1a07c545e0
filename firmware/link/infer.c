/* Requests that infer, and those that carry tensors in parts: all work in the engine's own buffers. */
#include "tinysine/app.h"
#include "tinysine/engine.h"
#include "tinysine/link.h"
#include "tinysine/number.h"
#include "tinysine/port.h"
#include "tinysine/wire.h"

enum { TS_PLACE_BYTES = 4 }; /* u8 tensor, u24 offset */

static void ts_infer_copy(uint8_t *to, const uint8_t *from, uint32_t length) {
    for (const uint8_t *end = from + length; from != end; from++) {
        *to++ = *from;
    }
}

/* The two ends of the model. */
enum ts_end { TS_INPUTS, TS_OUTPUTS };

static const TS_FLASH struct ts_tensor *ts_infer_tensors(enum ts_end end) {
    return end == TS_INPUTS ? ts_engine.inputs : ts_engine.outputs;
}

static uint8_t ts_infer_count(enum ts_end end) {
    return end == TS_INPUTS ? ts_engine.input_count : ts_engine.output_count;
}

static uint8_t *ts_infer_buffer(enum ts_end end, uint8_t index) {
    return end == TS_INPUTS ? ts_engine_input(index) : (uint8_t *)(uintptr_t)ts_engine_output(index);
}

/* Bytes of one inference's inputs, or outputs. */
static uint32_t ts_infer_bytes(enum ts_end end) {
    uint32_t bytes = 0;
    for (uint8_t i = ts_infer_count(end); i-- != 0;) {
        bytes += ts_infer_tensors(end)[i].bytes;
    }
    return bytes;
}

/* CRC-32 of what the buffers hold, back to back. */
static uint32_t ts_infer_crc(enum ts_end end) {
    uint32_t crc = 0;
    for (uint8_t i = 0; i < ts_infer_count(end); i++) {
        crc = ts_crc32(crc, ts_infer_buffer(end, i), ts_infer_tensors(end)[i].bytes);
    }
    return crc;
}

/* One inference's inputs out of a frame, or its outputs into one; returns what follows there. */
static uint8_t *ts_infer_carry(enum ts_end end, uint8_t *frame) {
    for (uint8_t i = 0; i < ts_infer_count(end); i++) {
        uint8_t *buffer = ts_infer_buffer(end, i);
        uint32_t bytes = ts_infer_tensors(end)[i].bytes;
        ts_infer_copy(end == TS_INPUTS ? buffer : frame, end == TS_INPUTS ? frame : buffer, bytes);
        frame += bytes;
    }
    return frame;
}

uint16_t ts_infer_capabilities(void) {
    uint16_t can = 0;
    if (ts_infer_bytes(TS_OUTPUTS) <= TS_PAYLOAD_BYTES) {
        can |= ts_infer_bytes(TS_INPUTS) <= TS_PAYLOAD_BYTES ? TS_CAN_INFER : 0;
        const TS_FLASH struct ts_tensor *input = ts_engine.inputs;
        bool fits = input->bytes <= TS_PAYLOAD_BYTES / 4u * ts_dtype_bytes(input->dtype);
        can |= ts_engine.input_count == 1 && fits ? TS_CAN_INFER_F32 : 0;
    }
    return can;
}

/* Bytes of the answers to `length` bytes of questions, `each` an inference; BAD_LENGTH if that does not come
 * out. */
static int ts_infer_reply_bytes(uint32_t length, uint32_t each) {
    uint32_t output_bytes = ts_infer_bytes(TS_OUTPUTS);
    uint32_t written = 0;
    do {
        written += output_bytes;
        if (length < each || written > TS_PAYLOAD_BYTES) {
            return TS_BAD_LENGTH;
        }
        length -= each;
    } while (length != 0);
    return (int)written;
}

static int ts_infer_invoke(uint8_t *reply) {
    int status = ts_app_engine_status;
    if (status == TS_OK) {
        status = ts_engine_invoke();
    }
    if (status != TS_OK) {
        reply[0] = (uint8_t)-status;
        return TS_ENGINE;
    }
    return TS_OK;
}

/* NOT_FINITE and where, if one of `count` float32 is NaN or infinite; `before`: elements that come before. */
static int ts_infer_check(const uint8_t *floats, uint32_t count, uint32_t before, uint8_t *reply) {
    for (uint32_t i = 0; i < count; i++) {
        if (!ts_number_is_finite(floats + 4 * i)) {
            uint32_t index = before + i;
            *(ts_wire_u16 *)reply = index < UINT16_MAX ? (uint16_t)index : UINT16_MAX;
            return TS_NOT_FINITE;
        }
    }
    return TS_OK;
}

/* As above, of those inputs that are float32; from: `inferences` inferences' inputs back to back, NULL for what
 * the engine's buffers hold. */
static int ts_infer_check_inputs(const uint8_t *from, uint32_t inferences, uint8_t *reply) {
    uint32_t before = 0;
    while (inferences-- != 0) {
        for (uint8_t i = 0; i < ts_engine.input_count; i++) {
            const TS_FLASH struct ts_tensor *input = ts_engine.inputs + i;
            uint32_t count = input->bytes / ts_dtype_bytes(input->dtype);
            if (input->dtype == TS_FLOAT32) {
                int status = ts_infer_check(from == 0 ? ts_engine_input(i) : from, count, before, reply);
                if (status != TS_OK) {
                    return status;
                }
            }
            before += count;
            from = from == 0 ? 0 : from + input->bytes;
        }
    }
    return TS_OK;
}

int ts_infer_frame(uint8_t *payload, uint32_t length, uint8_t *reply) {
    if ((ts_infer_capabilities() & TS_CAN_INFER) == 0) {
        return TS_UNSUPPORTED;
    }
    uint32_t input_bytes = ts_infer_bytes(TS_INPUTS);
    int written = ts_infer_reply_bytes(length, input_bytes);
    if (written < 0) {
        return written;
    }
    int status = ts_infer_check_inputs(payload, length / input_bytes, reply);
    for (uint8_t *output = reply; status == TS_OK && output < reply + written;) {
        payload = ts_infer_carry(TS_INPUTS, payload);
        status = ts_infer_invoke(reply);
        if (status == TS_OK) {
            output = ts_infer_carry(TS_OUTPUTS, output);
        }
    }
    return status == TS_OK ? written : status;
}

int ts_infer_f32(const uint8_t *payload, uint32_t length, uint8_t *reply) {
    const TS_FLASH struct ts_tensor *tensor = ts_engine.inputs;
    if ((ts_infer_capabilities() & TS_CAN_INFER_F32) == 0) {
        return TS_UNSUPPORTED;
    }
    uint16_t element_bytes = ts_dtype_bytes(tensor->dtype);
    int written = ts_infer_reply_bytes(length, tensor->bytes / element_bytes * 4);
    if (written < 0) {
        return written;
    }
    int status = ts_infer_check(payload, length / 4, 0, reply);
    const ts_wire_f32 *value = (const ts_wire_f32 *)payload;
    for (uint8_t *output = reply; status == TS_OK && output < reply + written;) {
        uint8_t *code = ts_engine_input(0);
        for (const uint8_t *end = code + tensor->bytes; code != end; code += element_bytes) {
            ts_number_quantize(tensor, *value++, code);
        }
        status = ts_infer_invoke(reply);
        if (status == TS_OK) {
            output = ts_infer_carry(TS_OUTPUTS, output);
        }
    }
    if (status != TS_OK) {
        return status;
    }
    return written;
}

int ts_infer_time(uint8_t *payload, uint32_t length, uint8_t *reply) {
    uint32_t repetitions = *(const ts_wire_u16 *)payload;
    bool has_inputs = length != 2;
    if (length < 2 || (has_inputs && length != 2 + ts_infer_bytes(TS_INPUTS))) {
        return TS_BAD_LENGTH;
    }
    uint32_t counts_bytes = 4 + 4 * repetitions;
    if (repetitions == 0 || counts_bytes > TS_PAYLOAD_BYTES) {
        return TS_BAD_VALUE;
    }
    int status = ts_infer_check_inputs(has_inputs ? payload + 2 : 0, 1, reply);
    if (status != TS_OK) {
        return status;
    }
    if (has_inputs) {
        (void)ts_infer_carry(TS_INPUTS, payload + 2);
    }
    /* Once without the clock: an engine that refuses does so here. */
    status = ts_infer_invoke(reply);
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
        status = ts_engine_invoke();
        *count++ = ts_port.counter_read() - start;
    }
    ts_port.counter_stop();
    if (status != TS_OK) {
        reply[0] = (uint8_t)-status;
        return TS_ENGINE;
    }
    return (int)counts_bytes;
}

/* Where in its tensor's buffer the `length` bytes lie whose place a payload begins with; NULL if not all of them
 * lie there. */
static uint8_t *ts_infer_place(enum ts_end end, const uint8_t *payload, uint32_t length) {
    uint32_t offset = *(const ts_wire_u32 *)payload >> 8;
    uint8_t index = payload[0];
    if (index >= ts_infer_count(end) || length == 0 || length + offset > ts_infer_tensors(end)[index].bytes) {
        return 0;
    }
    return ts_infer_buffer(end, index) + offset;
}

/* An engine that has not started may have no buffers yet. */
static int ts_infer_started(uint8_t *reply) {
    reply[0] = (uint8_t)-ts_app_engine_status;
    return ts_app_engine_status == TS_OK ? TS_OK : TS_ENGINE;
}

int ts_infer_write(const uint8_t *payload, uint32_t length, uint8_t *reply) {
    if (length <= TS_PLACE_BYTES) {
        return TS_BAD_LENGTH;
    }
    if (ts_infer_started(reply) != TS_OK) {
        return TS_ENGINE;
    }
    length -= TS_PLACE_BYTES;
    uint8_t *place = ts_infer_place(TS_INPUTS, payload, length);
    if (place == 0) {
        return TS_BAD_VALUE;
    }
    ts_infer_copy(place, payload + TS_PLACE_BYTES, length);
    return 0;
}

int ts_infer_run(const uint8_t *payload, uint32_t length, uint8_t *reply) {
    if (length != 0 && length != 4) {
        return TS_BAD_LENGTH;
    }
    if (ts_infer_started(reply) != TS_OK) {
        return TS_ENGINE;
    }
    if (length != 0 && ts_infer_crc(TS_INPUTS) != *(const ts_wire_u32 *)payload) {
        return TS_BAD_VALUE;
    }
    int status = ts_infer_check_inputs(0, 1, reply);
    if (status == TS_OK) {
        status = ts_infer_invoke(reply);
    }
    if (status != TS_OK) {
        return status;
    }
    *(ts_wire_u32 *)reply = ts_infer_crc(TS_OUTPUTS);
    /* As many outputs behind it as fit: most need no READ. */
    uint32_t filled = 4;
    for (uint8_t i = 0; i < ts_engine.output_count; i++) {
        uint32_t bytes = ts_engine.outputs[i].bytes;
        if (bytes > TS_PAYLOAD_BYTES - filled) {
            bytes = TS_PAYLOAD_BYTES - filled;
        }
        ts_infer_copy(reply + filled, ts_engine_output(i), bytes);
        filled += bytes;
    }
    return (int)filled;
}

int ts_infer_read(const uint8_t *payload, uint8_t *reply) {
    if (ts_infer_started(reply) != TS_OK) {
        return TS_ENGINE;
    }
    uint32_t length = *(const ts_wire_u16 *)(payload + TS_PLACE_BYTES);
    const uint8_t *place = ts_infer_place(TS_OUTPUTS, payload, length);
    if (place == 0 || length > TS_PAYLOAD_BYTES) {
        return TS_BAD_VALUE;
    }
    ts_infer_copy(reply, place, length);
    return (int)length;
}
