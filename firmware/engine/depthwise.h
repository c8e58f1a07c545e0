/* Depthwise convolutions with 3 x 3 taps on a Cortex-M4 or M7, and their twin in plain C, which only the host runs.
 *
 * Four channels at a time are copied into planes of 16-bit codes, padding included, where one word holds two neighbours.
 * A plane is computed by strips: two lines of outputs, two outputs of each at a time.
 * "Along" is the direction in which words are paired and a strip is walked, "across" goes from line to line: along may be
 * rows or columns, whichever the generator found cheaper.
 *
 * A plane is [pairs][lines] words. With U = (w0, w1) and V = (w1, w2) of one line of taps, and the words A = (p0, p1) and
 * B = (p2, p3), the first output sums A * U + p2 * w2, the second p1 * w0 + B * V: four multiplications for six taps.
 *
 * Weights and bias stand times 256, which costs nothing, so that one multiplication and one shift that is the same for all
 * layers requantise exactly:
 *
 *     code = saturate((high 32 bits of sum * multiplier + term) >> 12)
 *
 * The generator has proved it for each channel, over every sum that can occur, and found the bias in units of 1/256; a
 * channel for which it has not (`right_shift` is not 0) is computed in plain C. */
#ifndef TINYSINE_ENGINE_DEPTHWISE_H
#define TINYSINE_ENGINE_DEPTHWISE_H

#include <stdint.h>

#include "engine/bytes.h"
#include "engine/requantize.h"
#include "engine/scaled.h"
#include "tinysine/engine.h"

struct ts_depthwise_channel {
    int32_t weights[6]; /* U and V of each line of taps, times 256 */
    int32_t bias;       /* times 256, and what scaled.h wants */
    struct ts_scaled_sum sum;
};

struct ts_depthwise {
    const struct ts_depthwise_channel *channels; /* [inputs * multiplier] */
    struct ts_scaled_limits limits;
    uint16_t images;
    uint16_t inputs;
    uint16_t multiplier; /* outputs for each input */
    uint16_t lines;      /* of a plane: outputs across and what their windows need around them */
    uint16_t pairs;
    uint16_t image_along;
    uint16_t image_across;
    uint16_t before_along; /* of padding */
    uint16_t before_across;
    uint16_t output_along; /* 2 or more */
    uint16_t output_across;
    uint32_t image_bytes;
    uint32_t output_bytes;
    uint32_t along_bytes; /* from an input to the next */
    uint32_t across_bytes;
    uint32_t output_along_bytes;
    uint32_t output_across_bytes;
    int8_t input_zero_point;
    uint8_t all_short; /* whether all channels are requantised so */
};

/* What one plane needs to become one channel of the output. */
struct ts_depthwise_job {
    const struct ts_depthwise_channel *channel;
    const int32_t *plane;
    int8_t *output;
    uint32_t along; /* bytes from an output to the next */
    uint32_t across;
    uint32_t pitch;       /* bytes from a pair to the next */
    uint32_t end;         /* the address at which a strip's whole pairs of outputs end */
    uint32_t tail;        /* `along` where one output is left over then, else 0 */
    uint32_t count;       /* of lines of outputs */
    uint32_t planes;      /* that follow one another, each for the next channel; of the assembly */
    uint32_t plane_bytes; /* from one to the next */
};

#if defined(__ARM_FEATURE_DSP)

/* One step a line; the formatter would break them anywhere. */
/* clang-format off */

/* Plane after plane. These statements take every register, so that they stand in functions of their own. r0: the next
 * pair, r1: the next output, r2 to r7: U and V of the three lines of taps; the rest are sums and codes. The stack holds,
 * from sp: multiplier, term, along, across, pitch, end, tail, lines left, the strip's output, the strip's first pair,
 * bias, the job. */
#define TS_DEPTHWISE_ENTER \
    "sub sp, sp, #48\n" \
    "6:\n\tstr r0, [sp, #44]\n\tldr r8, [r0]\n\t" \
    "ldmia r8!, {r2, r3, r4, r5, r6, r7}\n\tldmia r8, {r9, r10, r11}\n\tstr r9, [sp, #40]\n\tstrd r10, r11, [sp]\n\t" \
    "ldr r1, [r0, #8]\n\tadd r12, r0, #12\n\tldmia r12, {r8, r9, r10, r11, r12, lr}\n\t" \
    "strd r8, r9, [sp, #8]\n\tstrd r10, r11, [sp, #16]\n\tstrd r12, lr, [sp, #24]\n\tldr r0, [r0, #4]\n"
#define TS_DEPTHWISE_LEAVE \
    "ldr r0, [sp, #44]\n\tldr r8, [r0, #36]\n\tsubs r8, r8, #1\n\tbeq 7f\n\tstr r8, [r0, #36]\n\t" \
    "ldr r9, [r0]\n\tldr r10, [r0, #4]\n\tldr r11, [r0, #8]\n\tldr r12, [r0, #24]\n\tldr lr, [r0, #40]\n\t" \
    "add r9, r9, #40\n\tadd r10, r10, lr\n\tadd r11, r11, #1\n\tadd r12, r12, lr\n\t" \
    "str r9, [r0]\n\tstr r10, [r0, #4]\n\tstr r11, [r0, #8]\n\tstr r12, [r0, #24]\n\tb 6b\n" \
    "7:\n\tadd sp, sp, #48\n\t"
#define TS_DEPTHWISE_STATEMENT(text) \
    __asm__ volatile(text : "+r"(ts_job) : \
                     : "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory")
#define TS_DEPTHWISE_SCALE(r) "smmla " r ", " r ", r12, lr\n\t"
#define TS_DEPTHWISE_CLAMP(r) "ssat " r ", #8, " r ", asr #12\n\t"

/* At the end of a strip's whole pairs: once more for the output that is left over, both of whose codes go to the same
 * place, the right one last. */
#define TS_DEPTHWISE_TAIL(loop, done, step)                                                                  \
    "ldr r8, [sp, #24]\n\tcmp r8, #0\n\tbeq " done "\n\t"                                                    \
    "ldr r11, [sp, #8]\n\tldrd r9, r10, [sp, #16]\n\tcmp r11, #0\n\titte ne\n\t"                             \
    "movne r8, #0\n\taddne r10, r10, r9, lsl #" step "\n\tsubeq r10, r10, r9, lsl #" step                    \
    "\n\tstr r8, [sp, #8]\n\tstr r10, [sp, #20]\n\tcmp r11, #0\n\tbne " loop "\n"

/* To the next strip of two lines of outputs, so many bytes on in the plane; the last one leaves by 5. */
#define TS_DEPTHWISE_NEXT(bytes)                                                                             \
    "ldr r8, [sp, #28]\n\tsubs r8, r8, #2\n\tbeq 5f\n\tstr r8, [sp, #28]\n\t"                                \
    "ldrd r1, r0, [sp, #32]\n\tldr r9, [sp, #12]\n\tldr r10, [sp, #20]\n\t"                                  \
    "add r1, r1, r9, lsl #1\n\tadd r0, r0, #" bytes "\n\tadd r10, r10, #" bytes                            \
    "\n\tstr r10, [sp, #20]\n\tb 0b\n"

static __attribute__((noinline, unused)) void ts_depthwise_planes_by_1(struct ts_depthwise_job *job) {
    register struct ts_depthwise_job *ts_job __asm__("r0") = job;
    TS_DEPTHWISE_STATEMENT(
        TS_DEPTHWISE_ENTER
        "0:\n\tstrd r1, r0, [sp, #32]\n\tldr r8, [sp, #28]\n\tcmp r8, #1\n\tbeq 3f\n"
        /* Two lines. r8, r9: sums of the first; r10, r11: of the second. */
        "1:\n\tldr r12, [r0]\n\tldr lr, [r0, #4]\n\tldr r11, [sp, #40]\n\t"
        "smlad r8, r12, r2, r11\n\tsmlatb r9, r12, r2, r11\n\tsmlad r8, lr, r4, r8\n\tsmlatb r9, lr, r4, r9\n\t"
        "smlad r10, lr, r2, r11\n\tsmlatb r11, lr, r2, r11\n\t"
        "ldr r12, [r0, #8]\n\tldr lr, [r0, #12]\n\t"
        "smlad r8, r12, r6, r8\n\tsmlatb r9, r12, r6, r9\n\tsmlad r10, r12, r4, r10\n\tsmlatb r11, r12, r4, r11\n\t"
        "ldr r12, [sp, #16]\n\tsmlad r10, lr, r6, r10\n\tsmlatb r11, lr, r6, r11\n\tadd r0, r0, r12\n\t"
        "ldr r12, [r0]\n\tldr lr, [r0, #4]\n\t"
        "smlabt r8, r12, r3, r8\n\tsmlad r9, r12, r3, r9\n\tsmlabt r8, lr, r5, r8\n\tsmlad r9, lr, r5, r9\n\t"
        "smlabt r10, lr, r3, r10\n\tsmlad r11, lr, r3, r11\n\t"
        "ldr r12, [r0, #8]\n\tldr lr, [r0, #12]\n\t"
        "smlabt r8, r12, r7, r8\n\tsmlad r9, r12, r7, r9\n\tsmlabt r10, r12, r5, r10\n\tsmlad r11, r12, r5, r11\n\t"
        "smlabt r10, lr, r7, r10\n\tsmlad r11, lr, r7, r11\n\t"
        "ldrd r12, lr, [sp]\n\t"
        TS_DEPTHWISE_SCALE("r8") TS_DEPTHWISE_SCALE("r9") TS_DEPTHWISE_SCALE("r10") TS_DEPTHWISE_SCALE("r11")
        "ldrd r12, lr, [sp, #8]\n\t"
        TS_DEPTHWISE_CLAMP("r8") TS_DEPTHWISE_CLAMP("r9") TS_DEPTHWISE_CLAMP("r10") TS_DEPTHWISE_CLAMP("r11")
        "strb r9, [r1, r12]\n\tstrb r8, [r1]\n\tadd lr, r1, lr\n\tldr r9, [sp, #20]\n\t"
        "strb r11, [lr, r12]\n\tstrb r10, [lr]\n\tadd r1, r1, r12, lsl #1\n\tcmp r0, r9\n\tblo 1b\n\t"
        TS_DEPTHWISE_TAIL("1b", "2f", "0")
        "2:\n\t" TS_DEPTHWISE_NEXT("8")
        /* One line, the last. */
        "3:\n\tldr r10, [r0]\n\tldr r11, [r0, #4]\n\tldr r12, [r0, #8]\n\tldr lr, [sp, #16]\n\tldr r9, [sp, #40]\n\t"
        "smlad r8, r10, r2, r9\n\tsmlatb r9, r10, r2, r9\n\tadd r0, r0, lr\n\t"
        "smlad r8, r11, r4, r8\n\tsmlatb r9, r11, r4, r9\n\tsmlad r8, r12, r6, r8\n\tsmlatb r9, r12, r6, r9\n\t"
        "ldr r10, [r0]\n\tldr r11, [r0, #4]\n\tldr r12, [r0, #8]\n\t"
        "smlabt r8, r10, r3, r8\n\tsmlad r9, r10, r3, r9\n\tsmlabt r8, r11, r5, r8\n\tsmlad r9, r11, r5, r9\n\t"
        "smlabt r8, r12, r7, r8\n\tsmlad r9, r12, r7, r9\n\t"
        "ldr r12, [sp]\n\tldr lr, [sp, #4]\n\tldr r10, [sp, #8]\n\tldr r11, [sp, #20]\n\t"
        TS_DEPTHWISE_SCALE("r8") TS_DEPTHWISE_SCALE("r9") TS_DEPTHWISE_CLAMP("r8") TS_DEPTHWISE_CLAMP("r9")
        "strb r9, [r1, r10]\n\tstrb r8, [r1]\n\tadd r1, r1, r10, lsl #1\n\tcmp r0, r11\n\tblo 3b\n\t"
        TS_DEPTHWISE_TAIL("3b", "5f", "0")
        "5:\n\t" TS_DEPTHWISE_LEAVE);
}

/* Here r3 holds the last taps of the first two lines, the upper half of r5 that of the third; r7 is free. */
static __attribute__((noinline, unused)) void ts_depthwise_planes_by_2(struct ts_depthwise_job *job) {
    register struct ts_depthwise_job *ts_job __asm__("r0") = job;
    TS_DEPTHWISE_STATEMENT(
        TS_DEPTHWISE_ENTER
        "pkhtb r3, r5, r3, asr #16\n\tmov r5, r7\n"
        "0:\n\tstrd r1, r0, [sp, #32]\n\tldr r8, [sp, #28]\n\tcmp r8, #1\n\tbeq 3f\n"
        /* Two lines, which share the third line of the plane. r8, r9: sums of the first; r10, r11: of the second. */
        "1:\n\tldr r12, [r0]\n\tldr lr, [r0, #4]\n\tldr r7, [r0, #8]\n\tldr r11, [sp, #40]\n\t"
        "smlad r8, r12, r2, r11\n\tsmlad r8, lr, r4, r8\n\tsmlad r8, r7, r6, r8\n\tsmlad r10, r7, r2, r11\n\t"
        "ldr r12, [r0, #12]\n\tldr lr, [r0, #16]\n\tldr r7, [sp, #16]\n\t"
        "smlad r10, r12, r4, r10\n\tsmlad r10, lr, r6, r10\n\tadd r0, r0, r7\n\t"
        "ldr r12, [r0]\n\tldr lr, [r0, #4]\n\tldr r7, [r0, #8]\n\t"
        "smlabb r8, r12, r3, r8\n\tsmlabt r8, lr, r3, r8\n\tsmlabt r8, r7, r5, r8\n\t"
        "smlad r9, r12, r2, r11\n\tsmlad r9, lr, r4, r9\n\tsmlad r9, r7, r6, r9\n\t"
        "smlabb r10, r7, r3, r10\n\tsmlad r11, r7, r2, r11\n\t"
        "ldr r12, [r0, #12]\n\tldr lr, [r0, #16]\n\tldr r7, [sp, #16]\n\t"
        "smlabt r10, r12, r3, r10\n\tsmlabt r10, lr, r5, r10\n\tsmlad r11, r12, r4, r11\n\tsmlad r11, lr, r6, r11\n\t"
        "add r0, r0, r7\n\tldr r12, [r0]\n\tldr lr, [r0, #4]\n\tldr r7, [r0, #8]\n\t"
        "smlabb r9, r12, r3, r9\n\tsmlabt r9, lr, r3, r9\n\tsmlabt r9, r7, r5, r9\n\tsmlabb r11, r7, r3, r11\n\t"
        "ldr r12, [r0, #12]\n\tldr lr, [r0, #16]\n\tldr r7, [sp]\n\t"
        "smlabt r11, r12, r3, r11\n\tsmlabt r11, lr, r5, r11\n\tldr r12, [sp, #4]\n\tldr lr, [sp, #8]\n\t"
        "smmla r8, r8, r7, r12\n\tsmmla r9, r9, r7, r12\n\tsmmla r10, r10, r7, r12\n\tsmmla r11, r11, r7, r12\n\t"
        "ldr r7, [sp, #12]\n\tldr r12, [sp, #20]\n\t"
        TS_DEPTHWISE_CLAMP("r8") TS_DEPTHWISE_CLAMP("r9") TS_DEPTHWISE_CLAMP("r10") TS_DEPTHWISE_CLAMP("r11")
        "strb r9, [r1, lr]\n\tstrb r8, [r1]\n\tadd r7, r1, r7\n\tstrb r11, [r7, lr]\n\tstrb r10, [r7]\n\t"
        "add r1, r1, lr, lsl #1\n\tcmp r0, r12\n\tblo 1b\n\t"
        TS_DEPTHWISE_TAIL("1b", "2f", "1")
        "2:\n\t" TS_DEPTHWISE_NEXT("16")
        /* One line, the last. The windows of both outputs share the middle pair. */
        "3:\n\tldr r10, [r0]\n\tldr r11, [r0, #4]\n\tldr r12, [r0, #8]\n\tldr lr, [sp, #16]\n\tldr r9, [sp, #40]\n\t"
        "smlad r8, r10, r2, r9\n\tadd r0, r0, lr\n\tsmlad r8, r11, r4, r8\n\tsmlad r8, r12, r6, r8\n\t"
        "ldr r10, [r0]\n\tldr r11, [r0, #4]\n\tldr r12, [r0, #8]\n\tadd r0, r0, lr\n\t"
        "smlabb r8, r10, r3, r8\n\tsmlabt r8, r11, r3, r8\n\tsmlabt r8, r12, r5, r8\n\t"
        "smlad r9, r10, r2, r9\n\tsmlad r9, r11, r4, r9\n\tsmlad r9, r12, r6, r9\n\t"
        "ldr r10, [r0]\n\tldr r11, [r0, #4]\n\tldr r12, [r0, #8]\n\t"
        "smlabb r9, r10, r3, r9\n\tsmlabt r9, r11, r3, r9\n\tsmlabt r9, r12, r5, r9\n\t"
        "ldr r12, [sp]\n\tldr lr, [sp, #4]\n\tldr r10, [sp, #8]\n\tldr r11, [sp, #20]\n\t"
        TS_DEPTHWISE_SCALE("r8") TS_DEPTHWISE_SCALE("r9") TS_DEPTHWISE_CLAMP("r8") TS_DEPTHWISE_CLAMP("r9")
        "strb r9, [r1, r10]\n\tstrb r8, [r1]\n\tadd r1, r1, r10, lsl #1\n\tcmp r0, r11\n\tblo 3b\n\t"
        TS_DEPTHWISE_TAIL("3b", "5f", "1")
        "5:\n\t" TS_DEPTHWISE_LEAVE);
}
/* clang-format on */

#endif

/* The same in C, also for a channel that has no short requantisation. */
static inline __attribute__((always_inline)) void
ts_depthwise_channel_run(const struct ts_depthwise *layer, unsigned stride,
                         const struct ts_depthwise_job *job) {
    const struct ts_depthwise_channel *channel = job->channel;
    for (uint32_t y = 0; y < layer->output_across; y++) {
        for (uint32_t x = 0; x < layer->output_along; x++) {
            const int32_t *a = job->plane + x * stride / 2 * layer->lines + y * stride;
            int32_t acc = channel->bias;
            for (unsigned line = 0; line < 3; line++, a++) {
                int32_t const u = channel->weights[2 * line];
                int32_t const v = channel->weights[2 * line + 1];
                int32_t const b = a[layer->lines];
                if (x * stride % 2 == 0) {
                    acc = ts_smlad(b & 0xFFFF, v >> 16 & 0xFFFF, ts_smlad(*a, u, acc));
                } else {
                    acc = ts_smlad(b, v, ts_smlad(*a >> 16 & 0xFFFF, u & 0xFFFF, acc));
                }
            }
            job->output[y * job->across + x * job->along] =
                (int8_t)ts_scaled_code(acc, &channel->sum, &layer->limits);
        }
    }
}

/* The lower halves of two words as one, and the upper halves; those of a lowest. */
#if defined(__ARM_FEATURE_DSP)
static inline int32_t ts_pack_low(int32_t a, int32_t b) {
    int32_t packed;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(packed) : "r"(a), "r"(b));
    return packed;
}

static inline int32_t ts_pack_high(int32_t a, int32_t b) {
    int32_t packed;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(packed) : "r"(b), "r"(a));
    return packed;
}
#else
static inline int32_t ts_pack_low(int32_t a, int32_t b) {
    return (int32_t)(((uint32_t)a & 0xFFFFU) | (uint32_t)b << 16);
}

static inline int32_t ts_pack_high(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a >> 16 | ((uint32_t)b & 0xFFFF0000U));
}
#endif

/* Two neighbours of four channels to four planes, which are `plane` bytes apart. */
static inline __attribute__((always_inline)) void ts_depthwise_spread(int32_t *to, uint32_t plane,
                                                                      uint32_t first, uint32_t second) {
    int32_t const even0 = ts_even_signed(first);
    int32_t const even1 = ts_even_signed(second);
    int32_t const odd0 = ts_odd_signed(first);
    int32_t const odd1 = ts_odd_signed(second);
    uint8_t *const at = (uint8_t *)to;
    *to = ts_pack_low(even0, even1);
    *(int32_t *)(void *)(at + plane) = ts_pack_low(odd0, odd1);
    *(int32_t *)(void *)(at + 2 * plane) = ts_pack_high(even0, even1);
    *(int32_t *)(void *)(at + 3 * plane) = ts_pack_high(odd0, odd1);
}

/* An image of up to four channels to planes, whose padding is there already. */
static inline __attribute__((always_inline)) void ts_depthwise_planes_of(const struct ts_depthwise *layer,
                                                                         const int8_t *input,
                                                                         unsigned channels, int32_t *planes) {
    uint32_t const pad = (uint8_t)layer->input_zero_point * 0x01010101U;
    uint32_t const lines = layer->lines;
    uint32_t const plane = 4 * lines * layer->pairs;
    uint32_t const along = layer->along_bytes;
    uint32_t const before = layer->before_along;
    uint32_t count = 2 * (uint32_t)layer->pairs - before; /* that a plane has room for */
    count = count < layer->image_along ? count : layer->image_along;
    uint32_t height = lines - layer->before_across;
    height = height < layer->image_across ? height : layer->image_across;
    planes += before / 2 * lines + layer->before_across;
    for (; height > 0; height--, input += layer->across_bytes, planes++) {
        int32_t *to = planes;
        const uint8_t *in = (const uint8_t *)input;
        uint32_t left = count;
        if (before % 2) {
            ts_depthwise_spread(to, plane, pad, ts_load_bytes(in, channels));
            to += lines;
            in += along;
            left--;
        }
        int32_t *const end = to + left / 2 * lines;
        for (; to != end; in += 2 * along, to += lines) {
            ts_depthwise_spread(to, plane, ts_load_bytes(in, channels), ts_load_bytes(in + along, channels));
        }
        if (left % 2) {
            ts_depthwise_spread(to, plane, ts_load_bytes(in, channels), pad);
        }
    }
}

#if defined(__ARM_FEATURE_DSP)

/* Columns of pairs of neighbours, of four channels, to four planes. */
struct ts_depthwise_columns {
    int32_t *to;
    const uint8_t *first; /* of two neighbours, in the first line */
    const uint8_t *second;
    uint32_t plane;      /* bytes */
    uint32_t first_step; /* from a line to the next; 0 beside the image */
    uint32_t second_step;
    uint32_t height;  /* lines of each column, 1 or more */
    uint32_t count;   /* of columns, 1 or more */
    uint32_t to_next; /* bytes from the end of a column to the next one */
    uint32_t next;    /* ... and in the image */
};

/* clang-format off */

/* One line. r0: to, r1 and r2: the neighbours, r3: bytes of a plane, r12: of three planes. */
#define TS_DEPTHWISE_SPREAD \
    "ldr r7, [r1]\n\tldr r8, [r2]\n\tadd r1, r1, r4\n\tadd r2, r2, r5\n\tsxtb16 r9, r7\n\tsxtb16 r10, r8\n\t" \
    "sxtb16 r7, r7, ror #8\n\tsxtb16 r8, r8, ror #8\n\t" \
    "pkhbt r11, r9, r10, lsl #16\n\tpkhtb r9, r10, r9, asr #16\n\tstr r9, [r0, r3, lsl #1]\n\t" \
    "pkhbt r9, r7, r8, lsl #16\n\tpkhtb r7, r8, r7, asr #16\n\tstr r9, [r0, r3]\n\tstr r7, [r0, r12]\n\t" \
    "str r11, [r0], #4\n\t"

static __attribute__((noinline)) void ts_depthwise_spread_columns(struct ts_depthwise_columns *columns) {
    register struct ts_depthwise_columns *ts_job __asm__("r0") = columns;
    TS_DEPTHWISE_STATEMENT(
        "push {r0}\n\tldmia r0, {r0, r1, r2, r3, r4, r5, r6}\n\tadd r12, r3, r3, lsl #1\n"
        "1:\n\tlsrs lr, r6, #1\n\tbcc 2f\n\t" TS_DEPTHWISE_SPREAD "cmp lr, #0\n\tbeq 3f\n"
        "2:\n\t" TS_DEPTHWISE_SPREAD TS_DEPTHWISE_SPREAD "subs lr, lr, #1\n\tbne 2b\n"
        "3:\n\tldr lr, [sp]\n\tldr r7, [lr, #28]\n\tldr r8, [lr, #32]\n\tldr r9, [lr, #36]\n\t"
        "add r0, r0, r8\n\tadd r1, r1, r9\n\tadd r2, r2, r9\n\tsubs r7, r7, #1\n\tstr r7, [lr, #28]\n\tbne 1b\n\t"
        "pop {r0}\n\t");
}
/* clang-format on */

/* An image of four channels to planes, whose padding across is there already. */
static void ts_depthwise_planes_4(const struct ts_depthwise *layer, const int8_t *input, int32_t *planes) {
    uint32_t const pad = (uint8_t)layer->input_zero_point * 0x01010101U;
    const uint8_t *const beside = (const uint8_t *)&pad;
    uint32_t const lines = layer->lines;
    uint32_t const along = layer->along_bytes;
    uint32_t const across = layer->across_bytes;
    uint32_t const before = layer->before_along;
    uint32_t left = 2 * (uint32_t)layer->pairs - before; /* that a plane has room for */
    left = left < layer->image_along ? left : layer->image_along;
    uint32_t height = lines - layer->before_across;
    height = height < layer->image_across ? height : layer->image_across;
    struct ts_depthwise_columns job = {
        .to = planes + before / 2 * lines + layer->before_across,
        .plane = 4 * lines * layer->pairs,
        .height = height,
        .to_next = 4 * (lines - height),
        .next = 2 * along - height * across,
    };
    const uint8_t *in = (const uint8_t *)input;
    if (before % 2 != 0) {
        job.first = beside;
        job.second = in;
        job.first_step = 0;
        job.second_step = across;
        job.count = 1;
        ts_depthwise_spread_columns(&job);
        job.to += lines;
        in += along;
        left--;
    }
    job.first = in;
    job.first_step = across;
    if (left >= 2) {
        job.second = in + along;
        job.second_step = across;
        job.count = left / 2;
        ts_depthwise_spread_columns(&job);
        job.to += left / 2 * lines;
        job.first += left / 2 * 2 * along;
    }
    if (left % 2 != 0) {
        job.second = beside;
        job.second_step = 0;
        job.count = 1;
        ts_depthwise_spread_columns(&job);
    }
}

#else

static inline void ts_depthwise_planes_4(const struct ts_depthwise *layer, const int8_t *input,
                                         int32_t *planes) {
    ts_depthwise_planes_of(layer, input, 4, planes);
}

#endif

static inline void ts_depthwise_fill(int32_t *to, int32_t word, uint32_t fours) {
    for (; fours > 0; fours--, to += 4) {
        to[0] = word;
        to[1] = word;
        to[2] = word;
        to[3] = word;
    }
}

static inline __attribute__((always_inline)) void ts_depthwise_run(const struct ts_depthwise *layer,
                                                                   unsigned stride, const int8_t *input,
                                                                   int8_t *output, int32_t *planes) {
    uint32_t const plane = (uint32_t)layer->lines * layer->pairs;
    unsigned const inputs = layer->inputs;
    unsigned const taken = inputs < 4 ? inputs : 4;
    ts_depthwise_fill(planes, (int32_t)((uint16_t)layer->input_zero_point * 0x00010001U), plane);
    struct ts_depthwise_job job; /* whose other fields are set for each plane */
    job.along = layer->output_along_bytes;
    job.across = layer->output_across_bytes;
    job.pitch = 4U * layer->lines;
    job.tail = layer->output_along % 2 ? layer->output_along_bytes : 0;
    job.count = layer->output_across;
    job.plane_bytes = 4 * plane;
    uint32_t const strip = layer->output_along / 2 * stride * job.pitch;
    for (unsigned image = layer->images; image > 0;
         image--, input += layer->image_bytes, output += layer->output_bytes) {
        for (unsigned done = 0; done < inputs;) {
            /* Where the channels are no multiple of four, the last four start with some that are done. */
            unsigned const first = done + taken > inputs ? inputs - taken : done;
            if (inputs < 4) {
                ts_depthwise_planes_of(layer, input, inputs, planes);
            } else {
                ts_depthwise_planes_4(layer, input + first, planes);
            }
            for (; done < first + taken; done++) {
                job.plane = planes + (done - first) * plane;
                for (unsigned m = 0; m < layer->multiplier; m++) {
                    uint32_t const o = done * layer->multiplier + m;
                    job.channel = layer->channels + o;
                    job.output = output + o;
#if defined(__ARM_FEATURE_DSP)
                    if (layer->all_short || job.channel->sum.right_shift == 0) {
                        int const rest = layer->all_short && layer->multiplier == 1;
                        job.end = (uint32_t)(uintptr_t)job.plane + strip;
                        job.planes = rest ? first + taken - done : 1;
                        done += job.planes - 1;
                        if (stride == 1) {
                            ts_depthwise_planes_by_1(&job);
                        } else {
                            ts_depthwise_planes_by_2(&job);
                        }
                        continue;
                    }
#endif
                    ts_depthwise_channel_run(layer, stride, &job);
                }
            }
        }
    }
}

/* planes: 4 * pairs * lines words. input and output must not overlap. */
static __attribute__((noinline, unused)) void
ts_depthwise_3x3_s8(const struct ts_depthwise *layer, const int8_t *input, int8_t *output, uint8_t *planes) {
    ts_depthwise_run(layer, 1, input, output, (int32_t *)(void *)planes);
}

static __attribute__((noinline, unused)) void ts_depthwise_3x3_stride_2_s8(const struct ts_depthwise *layer,
                                                                           const int8_t *input,
                                                                           int8_t *output, uint8_t *planes) {
    ts_depthwise_run(layer, 2, input, output, (int32_t *)(void *)planes);
}

#endif
