/* Frames in and out. A frame is decoded while it arrives, into the one request buffer; a reply is encoded
 * while it leaves. The receiver answers before it takes another byte: one request is under way at a time. */
#include <stdbool.h>

#include "tinysine/fault.h"
#include "tinysine/link.h"
#include "tinysine/port.h"

struct ts_link ts_link;

void ts_frame_send(const uint8_t *body, uint16_t length) {
    ts_port.write(0);
    uint16_t at = 0;
    for (;;) {
        uint16_t end = at;
        while (end < length && body[end] != 0 && end - at < 254) {
            end++;
        }
        uint8_t code = (uint8_t)(end - at + 1);
        ts_port.write(code);
        while (at < end) {
            ts_port.write(body[at++]);
        }
        if (at == length) {
            break;
        }
        if (code != 255) {
            at++; /* the zero that the code stands for */
        }
    }
    ts_port.write(0);
    ts_port.flush();
}

static void ts_frame_keep(uint8_t byte) {
    if (ts_link.length < sizeof ts_link.request) {
        ts_link.request[ts_link.length] = byte;
    }
    if (ts_link.length <= sizeof ts_link.request) {
        ts_link.length++;
    }
}

static void ts_frame_begin(void) {
    ts_link.in_frame = 1;
    ts_link.block = 0;
    ts_link.block_left = 0;
    ts_link.length = 0;
    ts_link.typed = 0;
}

/* The CRC at the end of the request. */
static const uint8_t *ts_frame_request_crc(void) {
    return ts_link.request + ts_link.length - TS_CRC_BYTES;
}

/* Whether the request is the one that was answered last, sent again because its reply was lost. */
static bool ts_frame_is_repeated(void) {
    const uint8_t *crc = ts_frame_request_crc();
    bool same = ts_link.reply_length != 0;
    for (uint8_t i = 0; i < TS_CRC_BYTES; i++) {
        same = same && ts_link.answered_crc[i] == crc[i];
    }
    for (uint8_t i = 0; i < TS_REQUEST_HEAD - 1; i++) {
        same = same && ts_link.reply[i] == ts_link.request[i];
    }
    return same && ts_link.reply[5] == (uint8_t)(ts_link.request[5] + 0x80);
}

/* Carries out the request and leaves its reply, CRC included, in ts_link.reply. */
static void ts_frame_carry_out(void) {
    uint8_t *reply = ts_link.reply;
    ts_link.reply_length = 0;
    for (uint8_t i = 0; i < TS_CRC_BYTES; i++) {
        ts_link.answered_crc[i] = ts_frame_request_crc()[i]; /* a handler may overwrite it */
    }
    for (uint8_t i = 0; i < TS_REQUEST_HEAD; i++) {
        reply[i] = ts_link.request[i];
    }
    uint8_t request = ts_link.request[5];
    reply[5] = request + 0x80;
    int result =
        ts_request_run(request, ts_link.request + TS_REQUEST_HEAD,
                       ts_link.length - (uint32_t)(TS_REQUEST_HEAD + TS_CRC_BYTES), reply + TS_REPLY_HEAD);
    uint16_t length = TS_REPLY_HEAD;
    reply[6] = 0;
    if (result >= 0) {
        length += (uint16_t)result;
    } else {
        reply[6] = (uint8_t)-result;
        /* Only these two say more: the engine's status, the index of the element. */
        length += result == TS_ENGINE ? 1 : result == TS_NOT_FINITE ? 2 : 0;
    }
    uint32_t crc = ts_crc32(0, reply, length);
    for (uint8_t i = 0; i < TS_CRC_BYTES; i++) {
        reply[length++] = (uint8_t)crc;
        crc >>= 8;
    }
    ts_link.reply_length = length;
    ts_link.answered++;
}

static void ts_frame_reply(void) {
    uint8_t request = ts_link.request[5];
    if (!ts_frame_is_repeated()) {
        ts_frame_carry_out();
    }
    ts_stage(TS_STAGE_REPLYING);
    ts_frame_send(ts_link.reply, ts_link.reply_length);
    if (request == TS_RESET && ts_link.reply[6] == 0) {
        ts_port.reset();
    }
}

static void ts_frame_end(void) {
    if (ts_link.block_left == 0 && ts_link.length >= TS_REQUEST_HEAD + TS_CRC_BYTES &&
        ts_link.length <= sizeof ts_link.request &&
        ts_crc32(0, ts_link.request, ts_link.length) == TS_CRC32_RESIDUE) {
        ts_link.in_frame = 0;
        ts_frame_reply();
    } else {
        ts_link.corrupt++;
        /* This zero may have been the first of the next frame, its own end having been lost. */
        ts_frame_begin();
    }
}

void ts_link_receive(uint8_t byte) {
    if (byte == 0) {
        if (ts_link.in_frame && ts_link.block != 0) {
            ts_frame_end();
        } else {
            ts_frame_begin();
        }
    } else if (!ts_link.in_frame) {
        ts_text_receive(byte);
    } else if (ts_link.block_left != 0) {
        ts_link.block_left--;
        ts_frame_keep(byte);
    } else {
        if (ts_link.block != 0 && ts_link.block != 255) {
            ts_frame_keep(0);
        }
        ts_link.block = byte;
        ts_link.block_left = byte - 1;
    }
}

void ts_link_quiet(void) {
    if (ts_link.in_frame) {
        ts_link.in_frame = 0;
        if (ts_link.block != 0) {
            ts_link.corrupt++;
        }
    }
}
