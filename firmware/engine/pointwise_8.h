/* Pointwise convolutions of eight inputs on a Cortex-M4 or M7, and their twin in plain C, which only the host runs: two
 * pixels stay in registers, while the constants of one output channel after the other pass by.
 *
 * Weights and bias stand times 256, for the requantisation of scaled.h. */
#ifndef TINYSINE_ENGINE_POINTWISE_8_H
#define TINYSINE_ENGINE_POINTWISE_8_H

#include <stdint.h>

#include "engine/bytes.h"
#include "engine/planes.h"
#include "engine/scaled.h"
#include "tinysine/engine.h"

struct ts_pointwise_8 {
    /* For each output: its bias, weights 0 and 2 in one word, 1 and 3, 4 and 6, 5 and 7; multiplier and term. */
    const int32_t *stream;
    uint32_t pixels;
    uint32_t outputs; /* a multiple of four */
};

/* Two pixels at a time. */
struct ts_pointwise_8_job {
    const int32_t *stream;
    const int8_t *input;
    int8_t *output;
    uint32_t input_apart; /* bytes from the first pixel to the second; 0 where they are the same */
    uint32_t apart;       /* likewise, of the output */
    uint32_t count;       /* of pairs of pixels, 1 or more */
    const int32_t *stream_end;
    uint32_t group; /* bytes from four channels to the next, where codes go to planes */
    uint32_t next;  /* ... from behind the last ones to the next pair of pixels */
};

#if defined(__ARM_FEATURE_DSP)

/* One step a line; the formatter would break them anywhere. */
/* clang-format off */

/* One output channel: r0 and r1 are the sums of both pixels, r4 to r7 the inputs of the first, r8 to r11 of the second. */
#define TS_POINTWISE_8_SUMS \
    "ldmia r12!, {r0, r2, r3}\n\t" \
    "smlad r1, r2, r8, r0\n\tsmlad r0, r2, r4, r0\n\tsmlad r1, r3, r9, r1\n\tsmlad r0, r3, r5, r0\n\t" \
    "ldmia r12!, {r2, r3}\n\t" \
    "smlad r1, r2, r10, r1\n\tsmlad r0, r2, r6, r0\n\tsmlad r1, r3, r11, r1\n\tsmlad r0, r3, r7, r0\n\t" \
    "ldmia r12!, {r2, r3}\n\t" \
    "smmla r0, r0, r2, r3\n\tsmmla r1, r1, r2, r3\n\t" \
    "ssat r0, #8, r0, asr #12\n\tssat r1, #8, r1, asr #12\n\t"
#define TS_POINTWISE_8_ROW(at) TS_POINTWISE_8_SUMS "strb r0, [lr], #1\n\tstrb r1, [sp, #" at "]\n\t"
#define TS_POINTWISE_8_PLANE(at) TS_POINTWISE_8_SUMS "pkhbt r0, r0, r1, lsl #16\n\tstr r0, [lr, #" at "]\n\t"
#define TS_POINTWISE_8_INPUTS \
    "ldr r0, [sp, #8]\n\tldr r1, [sp, #16]\n\tldr r12, [sp, #4]\n\tldr lr, [sp, #12]\n\tadd r2, r0, r1\n\t" \
    "ldr r4, [r0]\n\tldr r6, [r0, #4]\n\tldr r8, [r2]\n\tldr r10, [r2, #4]\n\tadd r2, r2, #8\n\tstr r2, [sp, #8]\n\t" \
    "sxtb16 r5, r4, ror #8\n\tsxtb16 r4, r4\n\tsxtb16 r7, r6, ror #8\n\tsxtb16 r6, r6\n\t" \
    "sxtb16 r9, r8, ror #8\n\tsxtb16 r8, r8\n\tsxtb16 r11, r10, ror #8\n\tsxtb16 r10, r10\n"

/* The stack holds four codes of the second pixel, then the job, with 4 less from the first pixel's code to the second's. lr:
 * where the code of the first pixel goes. */
static __attribute__((noinline, unused)) void ts_pointwise_8_pairs(const struct ts_pointwise_8_job *job) {
    register const struct ts_pointwise_8_job *ts_job __asm__("r0") = job;
    __asm__ volatile(
        "ldmia r0, {r4, r5, r6, r7, r8, r9, r10}\n\tsub r8, r8, #4\n\tpush {r0, r4, r5, r6, r7, r8, r9, r10}\n"
        "1:\n\t" TS_POINTWISE_8_INPUTS
        "2:\n\t" TS_POINTWISE_8_ROW("0") TS_POINTWISE_8_ROW("1") TS_POINTWISE_8_ROW("2") TS_POINTWISE_8_ROW("3")
        "ldr r0, [sp]\n\tldr r1, [sp, #20]\n\tldr r2, [sp, #28]\n\tstr r0, [lr, r1]\n\tcmp r12, r2\n\tbne 2b\n\t"
        "ldr r0, [sp, #20]\n\tldr r1, [sp, #24]\n\tadd lr, lr, #4\n\tadd lr, lr, r0\n\tstr lr, [sp, #12]\n\t"
        "subs r1, r1, #1\n\tstr r1, [sp, #24]\n\tbne 1b\n\t"
        "pop {r0, r4, r5, r6, r7, r8, r9, r10}\n\t"
        : "+r"(ts_job)
        :
        : "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
}

/* The same to planes, whose words have both pixels; the job is at sp and behind. */
static __attribute__((noinline, unused)) void ts_pointwise_8_planes(const struct ts_pointwise_8_job *job) {
    register const struct ts_pointwise_8_job *ts_job __asm__("r0") = job;
    __asm__ volatile(
        "mov r12, r0\n\tldmia r12, {r3, r4, r5, r6, r7, r8, r9, r10, r11}\n\t"
        "push {r0, r3, r4, r5, r6, r7, r8, r9, r10, r11}\n"
        "1:\n\t" TS_POINTWISE_8_INPUTS
        "2:\n\t" TS_POINTWISE_8_PLANE("0") TS_POINTWISE_8_PLANE("4") TS_POINTWISE_8_PLANE("8") TS_POINTWISE_8_PLANE("12")
        "ldr r0, [sp, #32]\n\tldr r2, [sp, #28]\n\tadd lr, lr, r0\n\tcmp r12, r2\n\tbne 2b\n\t"
        "ldr r0, [sp, #36]\n\tldr r1, [sp, #24]\n\tadd lr, lr, r0\n\tstr lr, [sp, #12]\n\t"
        "subs r1, r1, #1\n\tstr r1, [sp, #24]\n\tbne 1b\n\t"
        "pop {r0, r3, r4, r5, r6, r7, r8, r9, r10, r11}\n\t"
        : "+r"(ts_job)
        :
        : "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
}
/* clang-format on */

#else

static inline void ts_pointwise_8_pairs(const struct ts_pointwise_8_job *job) {
    const int8_t *input = job->input;
    int8_t *output = job->output;
    for (uint32_t pair = 0; pair < job->count; pair++, input += 8 + job->input_apart, output += job->apart) {
        for (const int32_t *row = job->stream; row != job->stream_end; row += 7, output++) {
            struct ts_scaled_sum const scale = {row[5], row[6], 0};
            for (unsigned pixel = 2; pixel-- > 0;) {
                const int8_t *const in = input + pixel * job->input_apart;
                int32_t acc = row[0];
                for (unsigned i = 0; i < 8; i += 4) {
                    uint32_t word;
                    __builtin_memcpy(&word, in + i, 4);
                    acc = ts_smlad(row[1 + i / 2], ts_even_signed(word), acc);
                    acc = ts_smlad(row[2 + i / 2], ts_odd_signed(word), acc);
                }
                output[pixel * job->apart] = (int8_t)ts_scaled_short(acc, &scale);
            }
        }
    }
}

static inline void ts_pointwise_8_planes(const struct ts_pointwise_8_job *job) {
    struct ts_pointwise_8_job one = *job;
    one.apart = 4;
    one.count = 1;
    for (uint32_t pair = 0; pair < job->count; pair++, one.input += 16, one.output += (int32_t)job->next) {
        for (one.stream = job->stream; one.stream != job->stream_end; one.output += job->group) {
            int8_t codes[8];
            int8_t *const to = one.output;
            one.output = codes;
            one.stream_end = one.stream + 28;
            ts_pointwise_8_pairs(&one);
            one.output = to;
            one.stream = one.stream_end;
            for (unsigned c = 0; c < 4; c++) {
                int16_t const both[2] = {codes[c], codes[4 + c]};
                __builtin_memcpy(to + 4U * c, both, 4);
            }
        }
    }
}

#endif

/* input and output must not overlap; both are aligned to four bytes. */
static __attribute__((noinline, unused)) void ts_pointwise_8_s8(const struct ts_pointwise_8 *layer,
                                                                const int8_t *input, int8_t *output) {
    struct ts_pointwise_8_job job = {
        .stream = layer->stream,
        .input = input,
        .output = output,
        .input_apart = 8,
        .apart = layer->outputs,
        .count = layer->pixels / 2,
        .stream_end = layer->stream + 7 * layer->outputs,
    };
    if (job.count > 0) {
        ts_pointwise_8_pairs(&job);
    }
    if (layer->pixels % 2 != 0) { /* twice, to the same place */
        job.input += 8 * (layer->pixels - 1);
        job.output += layer->outputs * (layer->pixels - 1);
        job.input_apart = job.apart = 0;
        job.count = 1;
        ts_pointwise_8_pairs(&job);
    }
}

/* The same to planes with an even number of columns before the image. */
static __attribute__((noinline, unused)) void ts_pointwise_8_planes_s8(const struct ts_pointwise_8 *layer,
                                                                       const struct ts_planes *planes,
                                                                       const int8_t *input, int8_t *output) {
    uint32_t const group = ts_planes_group(planes);
    struct ts_pointwise_8_job job = {
        .stream = layer->stream,
        .input = input,
        .input_apart = 8,
        .stream_end = layer->stream + 7 * layer->outputs,
        .group = group,
        .next = ts_planes_column(planes) - planes->groups * group,
    };
    ts_planes_pad(planes, (uint8_t *)output);
    for (uint32_t y = 0; y < planes->rows; y++, job.input += 8U * planes->columns) {
        job.output = (int8_t *)ts_planes_row(planes, (uint8_t *)output, y);
        job.count = planes->columns / 2U;
        ts_pointwise_8_planes(&job);
    }
}

#endif
