/* Frames, requests and typed lines over the port's serial line. docs/protocol.md has the bytes. */
#ifndef TINYSINE_LINK_H
#define TINYSINE_LINK_H

#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "tinysine/status.h"

#define TS_PROTOCOL_MAJOR 2
#define TS_PROTOCOL_MINOR 0

enum {
    TS_NONCE_BYTES = 4,
    TS_REQUEST_HEAD = 6, /* nonce, sequence, request */
    TS_REPLY_HEAD = 7,   /* nonce, sequence, request + 0x80, status */
    TS_CRC_BYTES = 4,
    TS_TEXT_MAX = 40, /* characters in a typed line */
};

enum ts_request {
    TS_IDENTIFY = 1,
    TS_INFER,
    TS_INFER_F32,
    TS_TIME,
    TS_MEMORY,
    TS_FAULT,
    TS_RESET,
    TS_DEMO,
    TS_COUNTERS,
    TS_DESCRIBE,
    TS_WRITE,
    TS_RUN,
    TS_READ,
    TS_LAYER,
    TS_READ_LAYER,
};

/* Announced by IDENTIFY. */
enum ts_capability {
    TS_CAN_INFER = 1 << 0,
    TS_CAN_INFER_F32 = 1 << 1,
    TS_CAN_TIME = 1 << 2,
    TS_CAN_MEMORY = 1 << 3,
    TS_CAN_FAULT = 1 << 4,
    TS_CAN_RESET = 1 << 5,
    TS_CAN_DEMO = 1 << 6,
    TS_CAN_COUNTERS = 1 << 7,
    TS_CAN_TEXT = 1 << 8,
    TS_CAN_LAYERS = 1 << 9,
    TS_CAN_PARTS = 1 << 10, /* WRITE, RUN and READ */
};

_Static_assert(TS_PAYLOAD_BYTES >= 128, "the identity itself needs a payload of 128 bytes");
_Static_assert(TS_PAYLOAD_BYTES <= 32768, "lengths are 16 bits wide");
_Static_assert(TS_PAYLOAD_BYTES <= __INT_MAX__, "a reply's length is an int");

struct ts_link {
    uint32_t answered;  /* requests; one that is repeated counts once */
    uint32_t corrupt;   /* frames dropped */
    uint32_t lines;     /* of text answered */
    uint16_t length;    /* of the request so far; past the end: too long */
    uint8_t in_frame;   /* 0 between frames */
    uint8_t block;      /* COBS: code of the block under way, 0 before the first */
    uint8_t block_left; /* COBS: bytes still to come in it */
    uint8_t typed;      /* characters in the line so far; past TS_TEXT_MAX: not a line for us */
    /* Also the line that is being typed. Its payload is word aligned, for requests read words and
     * float32 from it: what stands before fills a half word beyond whole ones. */
    uint8_t request[TS_REQUEST_HEAD + TS_PAYLOAD_BYTES + TS_CRC_BYTES];
    /* One more word than the reply needs, because its head is odd; the pad keeps its payload aligned. */
    _Alignas(4) uint8_t reply_pad;
    uint8_t reply[TS_REPLY_HEAD + TS_PAYLOAD_BYTES + TS_CRC_BYTES];
    /* The last reply stays where it is, and is sent again when its request is. */
    uint8_t answered_crc[TS_CRC_BYTES]; /* of that request */
    uint16_t reply_length;              /* 0: there was none yet */
};
_Static_assert((offsetof(struct ts_link, request) + TS_REQUEST_HEAD) % 4 == 0, "request payload aligned");
_Static_assert((offsetof(struct ts_link, reply) + TS_REPLY_HEAD) % 4 == 0, "reply payload aligned");

extern struct ts_link ts_link;

/* Of firmware/optional/layers.c, where TS_ENGINE_LAYERS is defined. */
uint16_t ts_layers_capabilities(void);
int ts_layers_run(uint8_t request, const uint8_t *payload, uint32_t length, uint8_t *reply);

/* Names the sources, the model and the settings of this build. */
extern const uint8_t ts_build_id[16];

/* Takes one received byte, and answers when it completes a request or a line. */
void ts_link_receive(uint8_t byte);

/* Nothing was received for long: a frame that began will not end, so the next byte is not part of it. */
void ts_link_quiet(void);

/* Carries out a request. payload: word aligned; reply: word aligned, room for
 * TS_PAYLOAD_BYTES. Returns the length of the reply's payload, or a status (negative) with its payload in
 * reply. */
TS_MUST_CHECK int ts_request_run(uint8_t request, uint8_t *payload, uint32_t length, uint8_t *reply);

/* The requests that infer or carry tensors; as ts_request_run. */
TS_MUST_CHECK int ts_infer_frame(uint8_t *payload, uint32_t length, uint8_t *reply);
TS_MUST_CHECK int ts_infer_f32(const uint8_t *payload, uint32_t length, uint8_t *reply);
TS_MUST_CHECK int ts_infer_time(uint8_t *payload, uint32_t length, uint8_t *reply);
TS_MUST_CHECK int ts_infer_write(const uint8_t *payload, uint32_t length, uint8_t *reply);
TS_MUST_CHECK int ts_infer_run(const uint8_t *payload, uint32_t length, uint8_t *reply);
TS_MUST_CHECK int ts_infer_read(const uint8_t *payload, uint8_t *reply);
/* TS_CAN_INFER and TS_CAN_INFER_F32, as far as one inference fits a frame. */
uint16_t ts_infer_capabilities(void);

/* COBS-encodes body[0, length) between two zeros and sends it. */
void ts_frame_send(const uint8_t *body, uint16_t length);

/* Takes one byte that is not part of a frame. */
void ts_text_receive(uint8_t byte);

/* CRC-32 as in IEEE 802.3 and zlib, of bytes that follow on what `crc` was made of; 0 where they are the
 * first. */
uint32_t ts_crc32(uint32_t crc, const uint8_t *bytes, uint32_t length);
/* ts_crc32 of any bytes followed by their own CRC, least significant byte first. */
#define TS_CRC32_RESIDUE UINT32_C(0x2144DF1C)

#endif
