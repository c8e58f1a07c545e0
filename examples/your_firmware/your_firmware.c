/* Firmware that tinysine can judge, and no more: it says who it is, describes its tensors, and infers. It needs
 * nothing of tinysine's but docs/protocol.md, which has every number that stands here. Give it the two functions for
 * your serial line, and a model.h. */
#include <stdint.h>
#include <string.h>

#include "model.h" /* MODEL_..., model_infer() */

int get_byte(void); /* waits for the next byte of the line */
void put_byte(uint8_t byte);

/* Frames are so short that a COBS block of full length never comes. */
enum { PAYLOAD = 128, REQUEST_HEAD = 6, REPLY_HEAD = 7, CRC = 4 };
enum { IDENTIFY = 0x01, INFER = 0x02, DESCRIBE = 0x0A };
enum { OK, UNKNOWN_REQUEST, BAD_LENGTH, NOT_FINITE, ENGINE, UNSUPPORTED, BAD_VALUE };

static uint8_t request[REQUEST_HEAD + PAYLOAD + CRC], reply[REPLY_HEAD + PAYLOAD + CRC];
static uint8_t *const answer = reply + REPLY_HEAD;

static uint32_t crc32(const uint8_t *bytes, uint32_t length) {
    uint32_t crc = 0xFFFFFFFF;
    while (length--) {
        crc ^= *bytes++;
        for (int bit = 0; bit < 8; bit++) {
            crc = crc & 1 ? crc >> 1 ^ 0xEDB88320 : crc >> 1;
        }
    }
    return ~crc;
}

static uint8_t *put32(uint8_t *at, uint32_t value) {
    for (int shift = 0; shift < 32; shift += 8) {
        *at++ = (uint8_t)(value >> shift);
    }
    return at;
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, uint32_t length) {
    memcpy(at, bytes, length);
    return at + length;
}

/* Decodes what comes until a frame ends. Returns the length of its body; what cannot be one is left out. */
static uint32_t receive(void) {
    uint32_t length = 0, left = 0, first = 1;
    for (;;) {
        int byte = get_byte();
        if (byte == 0) {
            if (length >= REQUEST_HEAD + CRC && length <= sizeof request && left == 0) {
                return length;
            }
            length = left = 0;
            first = 1;
            continue;
        }
        if (left != 0) {
            left--;
        } else { /* the length of the next block; a zero stood before it */
            left = (uint32_t)byte - 1;
            byte = 0;
            if (first) {
                first = 0;
                continue;
            }
        }
        if (length < sizeof request) {
            request[length] = (uint8_t)byte;
        }
        length++;
    }
}

/* Sends reply[0, length) and its CRC between two zeros. */
static void send(uint32_t length) {
    length = (uint32_t)(put32(reply + length, crc32(reply, length)) - reply);
    put_byte(0);
    for (uint32_t at = 0, end; at <= length; at = end + 1) {
        for (end = at; end < length && reply[end] != 0; end++) {
        }
        put_byte((uint8_t)(end - at + 1));
        while (at < end) {
            put_byte(reply[at++]);
        }
    }
    put_byte(0);
}

static uint8_t *identify(uint8_t *at) {
    static const uint8_t start[] = {2, 0, MODEL_REFERENCE, 0}; /* protocol 2.0; no flags */
    static const uint8_t zeros[26];                            /* no counter, no clocks, no build id */
    at = put32(put_bytes(at, start, sizeof start), 1 | (uint32_t)PAYLOAD << 16); /* capabilities: INFER */
    *at++ = 1;                                                                   /* inputs */
    *at++ = 1;                                                                   /* outputs */
    at = put_bytes(put_bytes(at, zeros, 26), MODEL_SHA256, 32);
    return put_bytes(put_bytes(at, zeros, 8), "table\0your board", 17); /* no unique id; engine, board */
}

static uint8_t *describe(uint8_t *at, int output) {
    float scale = output ? MODEL_OUTPUT_SCALE : MODEL_INPUT_SCALE;
    uint32_t count = output ? MODEL_OUTPUTS : MODEL_INPUTS;
    at = put32(at, (output ? MODEL_OUTPUT_DTYPE : MODEL_INPUT_DTYPE) | 2 << 8); /* two dimensions */
    at = put_bytes(put32(at, count), &scale, 4);
    at = put32(at, (uint32_t)(output ? MODEL_OUTPUT_ZERO_POINT : MODEL_INPUT_ZERO_POINT));
    return put32(put32(at, 1), count);
}

/* Carries a request out. Returns the status; *length is that of its payload, and then of the answer's. */
static uint8_t carry_out(uint8_t code, const uint8_t *payload, uint32_t *length) {
    uint32_t given = *length, count = given / MODEL_INPUTS;
    *length = 0;
    switch (code) {
    case IDENTIFY:
        *length = (uint32_t)(identify(answer) - answer);
        return OK;
    case DESCRIBE:
        if (given != 2 || payload[0] > 1 || payload[1] != 0) {
            return given != 2 ? BAD_LENGTH : BAD_VALUE;
        }
        *length = (uint32_t)(describe(answer, payload[0]) - answer);
        return OK;
    case INFER:
        if (count == 0 || given % MODEL_INPUTS != 0 || count * MODEL_OUTPUTS > PAYLOAD) {
            return BAD_LENGTH;
        }
        for (uint32_t i = 0; i < count; i++) {
            model_infer(payload + i * MODEL_INPUTS, answer + i * MODEL_OUTPUTS);
        }
        *length = count * MODEL_OUTPUTS;
        return OK;
    default:
        return UNKNOWN_REQUEST;
    }
}

void your_firmware(void) {
    for (;;) {
        uint32_t length = receive() - CRC;
        uint8_t sent[CRC];
        put32(sent, crc32(request, length));
        if (memcmp(sent, request + length, CRC) != 0) {
            continue; /* nobody can know who asked */
        }
        uint32_t payload = length - REQUEST_HEAD;
        memcpy(reply, request, 5); /* nonce and sequence, as asked */
        reply[5] = request[5] | 0x80;
        reply[6] = carry_out(request[5], request + REQUEST_HEAD, &payload);
        send(REPLY_HEAD + payload);
    }
}
