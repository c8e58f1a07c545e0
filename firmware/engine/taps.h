/* Convolutions of an image of one channel with a stride of 2 columns, on a Cortex-M4 or M7, and their twin in plain C,
 * which only the host runs: the first layer of networks that listen.
 *
 * The image is copied once, padding included, into rows of 16-bit codes. A word holds two neighbours, and the window of
 * the next output starts one word on: two outputs of four channels take each word of weights, and share words of the
 * image. Taps are taken four of a row at a time; where the columns are no multiple of four, or
 * the rows no multiple of two, the last weights are zero.
 *
 * Weights and bias stand times 256, for the requantisation of scaled.h. */
#ifndef TINYSINE_ENGINE_TAPS_H
#define TINYSINE_ENGINE_TAPS_H

#include <stdint.h>

#include "engine/bytes.h"
#include "engine/scaled.h"
#include "tinysine/engine.h"

/* What the sums of one window take. */
struct ts_taps_window {
    uint32_t row_bytes;    /* from one row of taps to the next, in the copied image */
    uint32_t weight_bytes; /* of four columns of taps: 32 for each row, of which there is an even number */
    uint32_t quads;        /* of columns */
};

struct ts_taps {
    /* For each four outputs: four biases; for each four columns, for each row: two words of each output. */
    const int32_t *weights;
    const struct ts_scaled_sum *sums; /* [outputs, rounded up to four] */
    struct ts_taps_window window;
    struct ts_scaled_limits limits;
    uint16_t images;
    uint16_t rows;
    uint16_t columns;
    uint16_t rows_before; /* of padding */
    uint16_t columns_before;
    uint16_t plane_rows;
    uint16_t plane_words; /* of a row */
    uint16_t output_rows;
    uint16_t output_columns;
    uint16_t outputs;
    uint16_t row_stride;
    int8_t input_zero_point;
    uint8_t all_short; /* whether all channels are requantised so */
};

/* Two outputs of four channels. */
struct ts_taps_job {
    const int32_t *image;
    const int32_t *weights;
    const struct ts_taps_window *window;
    const struct ts_scaled_sum *scale; /* where all four are short and wanted: codes are stored; else NULL */
    int8_t *output;
    uint32_t second; /* from the first output to the second; 0 where there is none */
    int32_t *sums;   /* for scale NULL: of the first output, then of the second */
};

#if defined(__ARM_FEATURE_DSP)

/* The statement takes every register, so that it stands in a function of its own. r0: the image, r1: the weights, r4 to
 * r11: the sums, r12 and lr: two words of the image. The stack holds, from sp: row_bytes, where the weights of these
 * columns end, quads left, where these columns start, weight_bytes, the job. Without a second output its codes go where those of the first go, before them. */
#define TS_TAPS_CODES(first, second, at)                                                                     \
    "ldmia r0!, {r1, r2, r3}\n\tsmmla " first ", " first ", r1, r2\n\tsmmla " second ", " second             \
    ", r1, r2\n\tssat " first ", #8, " first ", asr #12\n\tssat " second ", #8, " second                     \
    ", asr #12\n\tstrb " second ", [r12, #" at "]\n\tstrb " first ", [lr, #" at "]\n\t"

/* Four taps of one row. */
#define TS_TAPS_ROW(w0, w1, w2, w3, w4, w5, w6, w7)                                                          \
    "ldr r12, [r0]\n\tldr lr, [r0, #4]\n\tldr r2, [r1, #" w0 "]\n\tldr r3, [r1, #" w1 "]\n\t"                \
    "smlad r4, r12, r2, r4\n\tsmlad r8, lr, r2, r8\n\tsmlad r5, r12, r3, r5\n\tsmlad r9, lr, r3, r9\n\t"     \
    "ldr r2, [r1, #" w2 "]\n\tldr r3, [r1, #" w3 "]\n\t"                                                     \
    "smlad r6, r12, r2, r6\n\tsmlad r10, lr, r2, r10\n\tsmlad r7, r12, r3, r7\n\tsmlad r11, lr, r3, "        \
    "r11\n\t"                                                                                                \
    "ldr r12, [r0, #8]\n\tldr r2, [r1, #" w4 "]\n\tldr r3, [r1, #" w5 "]\n\t"                                \
    "smlad r4, lr, r2, r4\n\tsmlad r8, r12, r2, r8\n\tsmlad r5, lr, r3, r5\n\tsmlad r9, r12, r3, r9\n\t"     \
    "ldr r2, [r1, #" w6 "]\n\tldr r3, [r1, #" w7 "]\n\t"                                                     \
    "smlad r6, lr, r2, r6\n\tsmlad r10, r12, r2, r10\n\tsmlad r7, lr, r3, r7\n\tsmlad r11, r12, r3, "        \
    "r11\n\t"

/* One step a line; the formatter would break them anywhere. */
/* clang-format off */
static __attribute__((noinline, unused)) void ts_taps_sum(const struct ts_taps_job *job) {
    register const struct ts_taps_job *ts_job __asm__("r0") = job;
    __asm__ volatile(
        "sub sp, sp, #28\n\tstr r0, [sp, #20]\n\tldmia r0, {r0, r1, r2}\n\t"
        "ldmia r2, {r4, r5, r6}\n\tstr r4, [sp]\n\tstr r6, [sp, #8]\n\tstr r5, [sp, #16]\n\t"
        "ldmia r1!, {r4, r5, r6, r7}\n\tmov r8, r4\n\tmov r9, r5\n\tmov r10, r6\n\tmov r11, r7\n"
        /* Four columns of taps. */
        "0:\n\tstr r0, [sp, #12]\n\tldr r2, [sp, #16]\n\tadd r2, r1, r2\n\tstr r2, [sp, #4]\n"
        /* Two rows of them. */
        "1:\n\t" TS_TAPS_ROW("0", "4", "8", "12", "16", "20", "24", "28")
        "ldr r2, [sp]\n\tadd r0, r0, r2\n\t"
        TS_TAPS_ROW("32", "36", "40", "44", "48", "52", "56", "60")
        "ldr r2, [sp]\n\tldr r3, [sp, #4]\n\tadds r1, r1, #64\n\tadd r0, r0, r2\n\tcmp r1, r3\n\tblo 1b\n\t"
        "ldr r2, [sp, #8]\n\tldr r0, [sp, #12]\n\tsubs r2, r2, #1\n\tstr r2, [sp, #8]\n\tadd r0, r0, #8\n\tbne 0b\n\t"
        "ldr r3, [sp, #20]\n\tadd r3, r3, #12\n\tldmia r3, {r0, r1, r2, r3}\n\tcmp r0, #0\n\tbeq 2f\n\t"
        /* Codes. lr: where those of the first output go, r12: of the second. */
        "mov lr, r1\n\tadd r12, r1, r2\n\t"
        TS_TAPS_CODES("r4", "r8", "0") TS_TAPS_CODES("r5", "r9", "1")
        TS_TAPS_CODES("r6", "r10", "2") TS_TAPS_CODES("r7", "r11", "3")
        "b 3f\n"
        "2:\n\tstmia r3, {r4, r5, r6, r7, r8, r9, r10, r11}\n"
        "3:\n\tadd sp, sp, #28\n\t"
        : "+r"(ts_job)
        :
        : "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
}
/* clang-format on */

#else

static inline void ts_taps_sum(const struct ts_taps_job *job) {
    const struct ts_taps_window *const window = job->window;
    const int32_t *weights = job->weights + 4;
    int32_t sums[8];
    for (unsigned i = 0; i < 8; i++) {
        sums[i] = job->weights[i % 4];
    }
    for (uint32_t quad = 0; quad < window->quads; quad++) {
        const int32_t *in = job->image + 2 * quad;
        for (uint32_t row = 0; row < window->weight_bytes / 32;
             row++, in += window->row_bytes / 4, weights += 8) {
            for (unsigned i = 0; i < 8; i++) {
                sums[i] = ts_smlad(weights[i % 4], in[i / 4], sums[i]);
                sums[i] = ts_smlad(weights[4 + i % 4], in[i / 4 + 1], sums[i]);
            }
        }
    }
    for (unsigned i = 8; i-- > 0;) {
        if (job->scale == 0) {
            job->sums[i] = sums[i];
        } else {
            job->output[i / 4 * job->second + i % 4] = (int8_t)ts_scaled_short(sums[i], &job->scale[i % 4]);
        }
    }
}

#endif

/* The image as rows of 16-bit codes with its padding. */
static inline void ts_taps_widen(const struct ts_taps *layer, const int8_t *input, int16_t *plane) {
    uint32_t const pitch = 2U * layer->plane_words;
    uint32_t const size = pitch * layer->plane_rows;
    for (uint32_t i = 0; i < size; i++) {
        plane[i] = layer->input_zero_point;
    }
    uint32_t height = (uint32_t)layer->plane_rows - layer->rows_before;
    uint32_t width = pitch - layer->columns_before;
    height = height < layer->rows ? height : layer->rows;
    width = width < layer->columns ? width : layer->columns;
    plane += layer->rows_before * pitch + layer->columns_before;
    for (uint32_t y = 0; y < height; y++, plane += pitch, input += layer->columns) {
        for (uint32_t x = 0; x < width; x++) {
            plane[x] = input[x];
        }
    }
}

/* plane: plane_rows * plane_words words. input and output must not overlap. */
static __attribute__((noinline, unused)) void ts_taps_s8(const struct ts_taps *layer, const int8_t *input,
                                                         int8_t *output, uint8_t *plane) {
    const int32_t *const image = (const int32_t *)(const void *)plane;
    unsigned const outputs = layer->outputs;
    uint32_t const group_words = 4 + layer->window.quads * (layer->window.weight_bytes / 4);
    uint32_t const row = (uint32_t)layer->row_stride * layer->plane_words;
    for (unsigned i = layer->images; i > 0; i--, input += (uint32_t)layer->rows * layer->columns) {
        ts_taps_widen(layer, input, (int16_t *)(void *)plane);
        for (uint32_t y = 0; y < layer->output_rows; y++) {
            for (uint32_t x = 0; x < layer->output_columns; x += 2) {
                unsigned const pixels = layer->output_columns - x < 2 ? 1 : 2;
                const int32_t *weights = layer->weights;
                for (unsigned o = 0; o < outputs; o += 4, weights += group_words) {
                    unsigned const channels = outputs - o < 4 ? outputs - o : 4;
                    const struct ts_scaled_sum *const scale = layer->sums + o;
                    int const is_short = channels == 4 && layer->all_short;
                    int32_t sums[8];
                    struct ts_taps_job const job = {
                        .image = image + y * row + x,
                        .weights = weights,
                        .window = &layer->window,
                        .scale = is_short ? scale : 0,
                        .output = output + o,
                        .second = pixels == 2 ? outputs : 0,
                        .sums = sums,
                    };
                    ts_taps_sum(&job);
                    for (unsigned c = 0; c < channels && !is_short; c++) {
                        output[o + c] = (int8_t)ts_scaled_code(sums[c], &scale[c], &layer->limits);
                        if (pixels == 2) {
                            output[outputs + o + c] =
                                (int8_t)ts_scaled_code(sums[4 + c], &scale[c], &layer->limits);
                        }
                    }
                }
                output += pixels * outputs;
            }
        }
    }
}

#endif
