/* Depthwise convolutions with 3 x 3 taps that read the planes of planes.h, on a Cortex-M4 or M7, and their twin in plain
 * C, which only the host runs. Arithmetic and constants are those of depthwise.h.
 *
 * Outputs are computed by blocks of two lines and two columns; their lines and columns are even. */
#ifndef TINYSINE_ENGINE_DEPTHWISE_PLANES_H
#define TINYSINE_ENGINE_DEPTHWISE_PLANES_H

#include <stdint.h>

#include "engine/depthwise.h"
#include "engine/planes.h"

struct ts_depthwise_planes {
    const struct ts_depthwise_channel *channels; /* all with the short requantisation */
    struct ts_planes planes;
    uint16_t stride;
    uint16_t output_rows; /* even, as the columns */
    uint16_t output_columns;
    uint16_t to_pairs; /* whether the output goes to pairs of columns, widened as lanes.h wants them */
};

/* What the assembly keeps on its stack; it fills in the first five words for each plane. */
struct ts_depthwise_planes_job {
    int32_t multiplier;
    int32_t term;
    int32_t bias;
    uint32_t end;      /* the address in the plane at which the strip of two lines of outputs ends */
    uint32_t last;     /* ... the last strip */
    uint32_t pitch;    /* bytes from a pair of columns to the next */
    uint32_t along;    /* in the output, from a column to the next */
    uint32_t across;   /* ... from a line to the next */
    uint32_t strip;    /* bytes of the plane that a strip moves on along the columns */
    uint32_t rest;     /* from the first strip's end to that of the last one */
    uint32_t to_strip; /* from the end of a strip in the plane to where the next one begins, modulo 2^32 */
    uint32_t to_line;  /* likewise, in the output */
    uint32_t left;     /* planes */
    const struct ts_depthwise_channel *channel;
    uint32_t to_plane;   /* from behind the last strip to the next channel of four */
    uint32_t to_group;   /* further, to the next four */
    uint32_t to_channel; /* in the output, from behind the last strip to the next channel */
    const uint8_t *plane;
    int8_t *output;
};

#if defined(__ARM_FEATURE_DSP)

/* One step a line; the formatter would break them anywhere. */
/* clang-format off */

/* r0: the words of the next block, r1: its output, r2 to r7: U and V of the three lines of taps; the rest are sums, codes
 * and what is loaded. */
#define TS_PLANES_ENTER \
    "sub sp, sp, #68\n\tmov r12, sp\n\tldmia r0!, {r2, r3, r4, r5, r6, r7, r8, r9, r10, r11}\n\t" \
    "stmia r12!, {r2, r3, r4, r5, r6, r7, r8, r9, r10, r11}\n\tldmia r0!, {r2, r3, r4, r5, r6, r7, r8}\n\t" \
    "stmia r12!, {r2, r3, r4, r5, r6, r7, r8}\n\tldmia r0, {r0, r1}\n" \
    "2:\n\tldr lr, [sp, #52]\n\tldr r11, [sp, #32]\n\tldr r12, [sp, #36]\n\t" \
    "ldmia lr!, {r2, r3, r4, r5, r6, r7}\n\tldmia lr!, {r8, r9, r10}\n\tadd lr, lr, #4\n\tstr lr, [sp, #52]\n\t" \
    "add r11, r0, r11\n\tadd r12, r11, r12\n\tstr r9, [sp]\n\tstr r10, [sp, #4]\n\tstr r8, [sp, #8]\n\t" \
    "str r11, [sp, #12]\n\tstr r12, [sp, #16]\n\t"

/* The four codes of a block, whose first sum is in a. Its output moves on, and `end` is loaded. */
#define TS_PLANES_STORE(a0, a1, b0, b1, along, across, end) \
    "strb " a0 ", [r1]\n\tldr " along ", [sp, #24]\n\tldr " across ", [sp, #28]\n\tldr " end ", [sp, #12]\n\t" \
    "strb " a1 ", [r1, " along "]\n\tadd " across ", r1, " across "\n\tstrb " b1 ", [" across ", " along "]\n\t" \
    "strb " b0 ", [" across "]\n\tadd r1, r1, " along ", lsl #1\n\tcmp r0, " end "\n\tblo 1b\n\t"

/* The same in 16 bits, to pairs of columns. */
#define TS_PLANES_STORE_PAIRS(a0, a1, b0, b1, along, across, end) \
    "strh " a0 ", [r1]\n\tstrh " a1 ", [r1, #4]\n\t" \
    "ldr " along ", [sp, #24]\n\tldr " across ", [sp, #28]\n\tldr " end ", [sp, #12]\n\tadd " across ", r1, " across "\n\t" \
    "strh " b0 ", [" across "]\n\tstrh " b1 ", [" across ", #4]\n\tadd r1, r1, " along "\n\tcmp r0, " end "\n\tblo 1b\n\t"

/* Of four channels, whose codes are in pairs: 0, 8, 2 and 10 bytes behind the first, and so on 16 bytes behind. */
#define TS_PLANES_BYTES ""
#define TS_PLANES_PAIRS \
    "tst r8, #1\n\tit eq\n\tsubeq r1, r1, #14\n\ttst r8, #3\n\tit eq\n\taddeq r1, r1, #12\n\t"

/* To the next strip, so many bytes on in the plane, or to the next plane. */
#define TS_PLANES_NEXT(bytes, end, a, b, c, channel) \
    "ldr " a ", [sp, #40]\n\tldr " b ", [sp, #44]\n\tldr " c ", [sp, #16]\n\tadd r0, r0, " a "\n\tadd r1, r1, " b "\n\t" \
    "cmp " end ", " c "\n\tadd " end ", " end ", #" bytes "\n\tstr " end ", [sp, #12]\n\tbne 1b\n\t" \
    "ldr r8, [sp, #48]\n\tldr r9, [sp, #56]\n\tldr r10, [sp, #60]\n\tldr r11, [sp, #64]\n\t" \
    "subs r8, r8, #1\n\tbeq 3f\n\tstr r8, [sp, #48]\n\tadd r0, r0, r9\n\tadd r1, r1, r11\n\t" channel "tst r8, #3\n\t" \
    "it eq\n\taddeq r0, r0, r10\n\tb 2b\n" \
    "3:\n\tadd sp, sp, #68\n\t"

#define TS_PLANES_SCALE(a, b, c, d, multiplier, term) \
    "smmla " a ", " a ", " multiplier ", " term "\n\tsmmla " b ", " b ", " multiplier ", " term "\n\t" \
    "smmla " c ", " c ", " multiplier ", " term "\n\tsmmla " d ", " d ", " multiplier ", " term "\n\t" \
    "ssat " a ", #8, " a ", asr #12\n\tssat " b ", #8, " b ", asr #12\n\t" \
    "ssat " c ", #8, " c ", asr #12\n\tssat " d ", #8, " d ", asr #12\n\t"

/* Sums of the first line: r12 and lr; of the second: r8 and r9. */
#define TS_PLANES_BLOCKS_1(store, channel) \
    TS_PLANES_ENTER \
    "1:\n\tldr r8, [r0]\n\tldr r9, [r0, #16]\n\tldr r10, [r0, #32]\n\tldr r11, [sp, #8]\n\t" \
    "smlad r12, r8, r2, r11\n\tsmlatb lr, r8, r2, r11\n\tsmlad r12, r9, r4, r12\n\tsmlatb lr, r9, r4, lr\n\t" \
    "smlad r12, r10, r6, r12\n\tsmlatb lr, r10, r6, lr\n\tsmlad r8, r9, r2, r11\n\tsmlatb r9, r9, r2, r11\n\t" \
    "smlad r8, r10, r4, r8\n\tsmlatb r9, r10, r4, r9\n\t" \
    "ldr r10, [r0, #48]\n\tldr r11, [sp, #20]\n\t" \
    "smlad r8, r10, r6, r8\n\tsmlatb r9, r10, r6, r9\n\tadd r0, r0, r11\n\t" \
    "ldr r10, [r0]\n\tldr r11, [r0, #16]\n\t" \
    "smlabt r12, r10, r3, r12\n\tsmlad lr, r10, r3, lr\n\tsmlabt r12, r11, r5, r12\n\tsmlad lr, r11, r5, lr\n\t" \
    "smlabt r8, r11, r3, r8\n\tsmlad r9, r11, r3, r9\n\t" \
    "ldr r10, [r0, #32]\n\tldr r11, [r0, #48]\n\t" \
    "smlabt r12, r10, r7, r12\n\tsmlad lr, r10, r7, lr\n\tsmlabt r8, r10, r5, r8\n\tsmlad r9, r10, r5, r9\n\t" \
    "smlabt r8, r11, r7, r8\n\tsmlad r9, r11, r7, r9\n\t" \
    "ldr r10, [sp]\n\tldr r11, [sp, #4]\n\t" \
    TS_PLANES_SCALE("r12", "lr", "r8", "r9", "r10", "r11") \
    store("r12", "lr", "r8", "r9", "r10", "r11", "r12") \
    TS_PLANES_NEXT("32", "r12", "r8", "r9", "r10", channel)

/* Here r3 holds the last taps of the first two lines, the upper half of r5 that of the third. Sums of the first line: r11
 * and r7; of the second: r12 and lr. */
#define TS_PLANES_BLOCKS_2(store, channel) \
    TS_PLANES_ENTER \
    "pkhtb r3, r5, r3, asr #16\n\tmov r5, r7\n" \
    "1:\n\tldr r7, [r0]\n\tldr r8, [r0, #16]\n\tldr r9, [r0, #32]\n\tldr r10, [sp, #8]\n\t" \
    "smlad r11, r7, r2, r10\n\tsmlad r11, r8, r4, r11\n\tsmlad r11, r9, r6, r11\n\tsmlad r12, r9, r2, r10\n\t" \
    "ldr r7, [r0, #48]\n\tldr r8, [r0, #64]\n\tldr r9, [sp, #20]\n\t" \
    "smlad r12, r7, r4, r12\n\tsmlad r12, r8, r6, r12\n\tadd r0, r0, r9\n\t" \
    "ldr r7, [r0]\n\tldr r8, [r0, #16]\n\tldr lr, [r0, #32]\n\t" \
    "smlabb r11, r7, r3, r11\n\tsmlabt r11, r8, r3, r11\n\tsmlabt r11, lr, r5, r11\n\t" \
    "smlad r7, r7, r2, r10\n\tsmlad r7, r8, r4, r7\n\tsmlad r7, lr, r6, r7\n\t" \
    "smlabb r12, lr, r3, r12\n\tsmlad lr, lr, r2, r10\n\t" \
    "ldr r8, [r0, #48]\n\tldr r10, [r0, #64]\n\t" \
    "smlabt r12, r8, r3, r12\n\tsmlabt r12, r10, r5, r12\n\tsmlad lr, r8, r4, lr\n\tsmlad lr, r10, r6, lr\n\t" \
    "add r0, r0, r9\n\tldr r8, [r0]\n\tldr r10, [r0, #16]\n\tldr r9, [r0, #32]\n\t" \
    "smlabb r7, r8, r3, r7\n\tsmlabt r7, r10, r3, r7\n\tsmlabt r7, r9, r5, r7\n\tsmlabb lr, r9, r3, lr\n\t" \
    "ldr r8, [r0, #48]\n\tldr r9, [r0, #64]\n\tldr r10, [sp]\n\t" \
    "smlabt lr, r8, r3, lr\n\tsmlabt lr, r9, r5, lr\n\tldr r9, [sp, #4]\n\t" \
    TS_PLANES_SCALE("r11", "r7", "r12", "lr", "r10", "r9") \
    store("r11", "r7", "r12", "lr", "r10", "r9", "r8") \
    TS_PLANES_NEXT("64", "r8", "r9", "r10", "r11", channel)

#define TS_PLANES_FUNCTION(name, blocks, store, channel) \
    static __attribute__((noinline, unused)) void name(struct ts_depthwise_planes_job *job) { \
        register struct ts_depthwise_planes_job *ts_job __asm__("r0") = job; \
        __asm__ volatile(blocks(store, channel) : "+r"(ts_job) : \
                         : "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory"); \
    }
TS_PLANES_FUNCTION(ts_depthwise_planes_1, TS_PLANES_BLOCKS_1, TS_PLANES_STORE, TS_PLANES_BYTES)
TS_PLANES_FUNCTION(ts_depthwise_planes_2, TS_PLANES_BLOCKS_2, TS_PLANES_STORE, TS_PLANES_BYTES)
TS_PLANES_FUNCTION(ts_depthwise_planes_pairs_1, TS_PLANES_BLOCKS_1, TS_PLANES_STORE_PAIRS, TS_PLANES_PAIRS)
TS_PLANES_FUNCTION(ts_depthwise_planes_pairs_2, TS_PLANES_BLOCKS_2, TS_PLANES_STORE_PAIRS, TS_PLANES_PAIRS)
/* clang-format on */

#else

static inline int32_t ts_planes_word(const uint8_t *at) {
    int32_t word;
    __builtin_memcpy(&word, at, 4);
    return word;
}

static inline void ts_depthwise_planes_blocks(const struct ts_depthwise_planes_job *job, unsigned stride,
                                              int to_pairs) {
    const struct ts_depthwise_channel *channel = job->channel;
    uint32_t const columns = job->strip / job->pitch / stride * 2;
    uint32_t const lines = job->rest / (2 * stride * TS_PLANES_QUAD) * 2 + 2;
    const uint8_t *plane = job->plane;
    int8_t *output = job->output;
    for (uint32_t left = job->left; left > 0; left--, channel++) {
        for (uint32_t y = 0; y < lines; y++) {
            for (uint32_t x = 0; x < columns; x++) {
                const uint8_t *at = plane + x * stride / 2 * job->pitch + y * stride * TS_PLANES_QUAD;
                int32_t acc = channel->bias;
                for (unsigned line = 0; line < 3; line++, at += TS_PLANES_QUAD) {
                    int32_t const u = channel->weights[2 * line];
                    int32_t const v = channel->weights[2 * line + 1];
                    int32_t const a = ts_planes_word(at);
                    int32_t const b = ts_planes_word(at + job->pitch);
                    if (x * stride % 2 == 0) {
                        acc = ts_smlad(b & 0xFFFF, v >> 16 & 0xFFFF, ts_smlad(a, u, acc));
                    } else {
                        acc = ts_smlad(b, v, ts_smlad(a >> 16 & 0xFFFF, u & 0xFFFF, acc));
                    }
                }
                int16_t const code = (int16_t)ts_scaled_short(acc, &channel->sum);
                if (to_pairs) {
                    __builtin_memcpy(output + y * job->across + x / 2 * job->along + x % 2 * 4, &code, 2);
                } else {
                    output[y * job->across + x * job->along] = (int8_t)code;
                }
            }
        }
        uint32_t const down = lines * stride * TS_PLANES_QUAD; /* behind the last strip */
        plane += (int32_t)(down + job->to_plane + ((left - 1) % 4 == 0 ? job->to_group : 0));
        output += (int32_t)(lines * job->across + job->to_channel);
        if (to_pairs && left % 2 == 1) {
            output += (left - 1) % 4 == 0 ? -2 : -14;
        }
    }
}

static inline void ts_depthwise_planes_1(struct ts_depthwise_planes_job *job) {
    ts_depthwise_planes_blocks(job, 1, 0);
}

static inline void ts_depthwise_planes_2(struct ts_depthwise_planes_job *job) {
    ts_depthwise_planes_blocks(job, 2, 0);
}

static inline void ts_depthwise_planes_pairs_1(struct ts_depthwise_planes_job *job) {
    ts_depthwise_planes_blocks(job, 1, 1);
}

static inline void ts_depthwise_planes_pairs_2(struct ts_depthwise_planes_job *job) {
    ts_depthwise_planes_blocks(job, 2, 1);
}

#endif

/* planes: as planes.h has them. They must not overlap the output. */
static __attribute__((noinline, unused)) void ts_depthwise_planes_s8(const struct ts_depthwise_planes *layer,
                                                                     const int8_t *planes, int8_t *output) {
    uint32_t const pitch = ts_planes_column(&layer->planes);
    uint32_t const channels = 4U * layer->planes.groups;
    uint32_t const stride = layer->stride;
    uint32_t const strip = layer->output_columns / 2U * stride * pitch;
    uint32_t const down = 2U * stride * TS_PLANES_QUAD; /* from a strip to the next one */
    uint32_t const strips = layer->output_rows / 2U;
    uint32_t const across = layer->output_columns * channels << (layer->to_pairs != 0);
    struct ts_depthwise_planes_job job = {
        .pitch = pitch,
        .along = layer->to_pairs ? 4 * channels : channels,
        .across = across,
        .strip = strip,
        .rest = (strips - 1) * down,
        .to_strip = down - strip,
        .to_line = across,
        .left = channels,
        .channel = layer->channels,
        .to_plane = 4 - strips * down,
        .to_group = ts_planes_group(&layer->planes) - TS_PLANES_QUAD,
        .to_channel = (layer->to_pairs ? 8U : 1U) - 2 * strips * across,
        .plane = (const uint8_t *)planes,
        .output = output,
    };
    if (layer->to_pairs && stride == 1) {
        ts_depthwise_planes_pairs_1(&job);
    } else if (layer->to_pairs) {
        ts_depthwise_planes_pairs_2(&job);
    } else if (stride == 1) {
        ts_depthwise_planes_1(&job);
    } else {
        ts_depthwise_planes_2(&job);
    }
}

#endif
