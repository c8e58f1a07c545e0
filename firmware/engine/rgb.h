/* Convolutions with 3 x 3 taps of three channels and a stride of 2 columns, on a Cortex-M4 or M7, and their twin in plain
 * C, which only the host runs: the first layer of networks that see.
 *
 * The three rows of the image that a row of outputs looks at are kept as 16-bit codes, padding included. A row of taps is
 * nine neighbours there, five words with one that meets a weight of zero; the window of the next output starts three
 * words on. Two outputs of four channels take each word of weights.
 *
 * Weights and bias stand times 256, for the requantisation of scaled.h. */
#ifndef TINYSINE_ENGINE_RGB_H
#define TINYSINE_ENGINE_RGB_H

#include <stdint.h>

#include "engine/bytes.h"
#include "engine/planes.h"
#include "engine/scaled.h"
#include "tinysine/engine.h"

#define TS_RGB_BLOCK_WORDS 72U /* of the stream */
#define TS_RGB_APART       3U  /* words, from one window to the next */

struct ts_rgb {
    /* For each four outputs: their biases; for each word of the rows of taps that of each output; for each output its
     * multiplier and term. */
    const int32_t *stream;
    uint16_t images;
    uint16_t rows;
    uint16_t columns;
    uint16_t rows_before; /* of padding */
    uint16_t columns_before;
    uint16_t output_rows;
    uint16_t output_columns;
    uint16_t outputs; /* a multiple of four */
    uint16_t row_stride;
    uint16_t strip_words; /* of one row as it is kept: room for an even number of windows, and a word */
    int8_t input_zero_point;
};

/* Two outputs at a time. */
struct ts_rgb_job {
    const int32_t *stream;
    const int32_t *strip; /* the first window */
    int8_t *output;
    uint32_t apart;    /* bytes from the first output to the second; 0 where there is one alone */
    uint32_t count;    /* of pairs of outputs, 1 or more */
    int32_t to_second; /* bytes from the first row of taps to the second */
    const int32_t *stream_end;
    int32_t to_third; /* ... from there to the third */
    uint32_t group;   /* bytes from four channels to the next, where codes go to planes */
    uint32_t next;    /* ... from behind the last ones to the next pair of outputs */
};

#if defined(__ARM_FEATURE_DSP)

/* One step a line; the formatter would break them anywhere. */
/* clang-format off */

/* Two taps. r4 to r7: sums of the first output, r8 to r11: of the second. */
#define TS_RGB_TAPS(first, second) \
    "ldr r0, [lr, #" first "]\n\tldr r1, [lr, #" second "]\n\tldr r2, [r12], #4\n\tldr r3, [r12], #4\n\t" \
    "smlad r4, r2, r0, r4\n\tsmlad r8, r2, r1, r8\n\tsmlad r5, r3, r0, r5\n\tsmlad r9, r3, r1, r9\n\t" \
    "ldr r2, [r12], #4\n\tldr r3, [r12], #4\n\t" \
    "smlad r6, r2, r0, r6\n\tsmlad r10, r2, r1, r10\n\tsmlad r7, r3, r0, r7\n\tsmlad r11, r3, r1, r11\n\t"
#define TS_RGB_ROW \
    TS_RGB_TAPS("0", "12") TS_RGB_TAPS("4", "16") TS_RGB_TAPS("8", "20") TS_RGB_TAPS("12", "24") TS_RGB_TAPS("16", "28")
/* The first row: both outputs begin with the same biases. */
#define TS_RGB_FIRST \
    "ldr r0, [lr]\n\tldr r1, [lr, #12]\n\tldr r2, [r12], #4\n\tldr r3, [r12], #4\n\t" \
    "smlad r8, r2, r1, r4\n\tsmlad r4, r2, r0, r4\n\tsmlad r9, r3, r1, r5\n\tsmlad r5, r3, r0, r5\n\t" \
    "ldr r2, [r12], #4\n\tldr r3, [r12], #4\n\t" \
    "smlad r10, r2, r1, r6\n\tsmlad r6, r2, r0, r6\n\tsmlad r11, r3, r1, r7\n\tsmlad r7, r3, r0, r7\n\t" \
    TS_RGB_TAPS("4", "16") TS_RGB_TAPS("8", "20") TS_RGB_TAPS("12", "24") TS_RGB_TAPS("16", "28")
#define TS_RGB_NEXT(at) "ldr r0, [sp, #" at "]\n\tadd lr, lr, r0\n\t"
#define TS_RGB_CODES(a, b, c, d) \
    "ldmia r12!, {r0, r1, r2, r3}\n\t" \
    "smmla " a ", " a ", r0, r1\n\tsmmla " b ", " b ", r0, r1\n\t" \
    "smmla " c ", " c ", r2, r3\n\tsmmla " d ", " d ", r2, r3\n\t" \
    "ssat " a ", #8, " a ", asr #12\n\tssat " b ", #8, " b ", asr #12\n\t" \
    "ssat " c ", #8, " c ", asr #12\n\tssat " d ", #8, " d ", asr #12\n\t"

#define TS_RGB_SUMS \
    "1:\n\tldr r12, [sp, #4]\n" \
    "2:\n\tldr lr, [sp, #8]\n\tldmia r12!, {r4, r5, r6, r7}\n\t" \
    TS_RGB_FIRST TS_RGB_NEXT("24") TS_RGB_ROW TS_RGB_NEXT("32") TS_RGB_ROW \
    TS_RGB_CODES("r4", "r8", "r5", "r9") TS_RGB_CODES("r6", "r10", "r7", "r11")
#define TS_RGB_AGAIN \
    "str r0, [sp, #12]\n\tadd r2, r2, #24\n\tstr r2, [sp, #8]\n\tsubs r3, r3, #1\n\tstr r3, [sp, #20]\n\tbne 1b\n\t"

/* The stack holds the job from sp + 4 on. */
static __attribute__((noinline, unused)) void ts_rgb_pairs(const struct ts_rgb_job *job) {
    register const struct ts_rgb_job *ts_job __asm__("r0") = job;
    __asm__ volatile(
        "ldmia r0, {r4, r5, r6, r7, r8, r9, r10, r11}\n\tpush {r0, r4, r5, r6, r7, r8, r9, r10, r11}\n"
        TS_RGB_SUMS
        "ldr r0, [sp, #12]\n\tldr r1, [sp, #16]\n\tldr r2, [sp, #28]\n\t"
        "strb r8, [r0, r1]\n\tstrb r4, [r0], #1\n\tstrb r9, [r0, r1]\n\tstrb r5, [r0], #1\n\t"
        "strb r10, [r0, r1]\n\tstrb r6, [r0], #1\n\tstrb r11, [r0, r1]\n\tstrb r7, [r0], #1\n\t"
        "str r0, [sp, #12]\n\tcmp r12, r2\n\tbne 2b\n\t"
        "ldr r3, [sp, #20]\n\tldr r2, [sp, #8]\n\tadd r0, r0, r1\n\t" TS_RGB_AGAIN
        "pop {r0, r4, r5, r6, r7, r8, r9, r10, r11}\n\t"
        : "+r"(ts_job)
        :
        : "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
}

/* The same to planes; the last two words of the job are behind the others. */
static __attribute__((noinline, unused)) void ts_rgb_planes(const struct ts_rgb_job *job) {
    register const struct ts_rgb_job *ts_job __asm__("r0") = job;
    __asm__ volatile(
        "mov r12, r0\n\tldmia r12, {r2, r3, r4, r5, r6, r7, r8, r9, r10, r11}\n\t"
        "push {r0, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11}\n"
        TS_RGB_SUMS
        "ldr r0, [sp, #12]\n\tldr r1, [sp, #16]\n\tldr r2, [sp, #28]\n\tldr r3, [sp, #36]\n\tadd r1, r1, r0\n\t"
        "strh r4, [r0]\n\tstrh r5, [r0, #4]\n\tstrh r6, [r0, #8]\n\tstrh r7, [r0, #12]\n\t"
        "strh r8, [r1]\n\tstrh r9, [r1, #4]\n\tstrh r10, [r1, #8]\n\tstrh r11, [r1, #12]\n\t"
        "add r0, r0, r3\n\tstr r0, [sp, #12]\n\tcmp r12, r2\n\tbne 2b\n\t"
        "ldr r3, [sp, #20]\n\tldr r2, [sp, #8]\n\tldr r1, [sp, #40]\n\tadd r0, r0, r1\n\t" TS_RGB_AGAIN
        "pop {r0, r2, r3, r4, r5, r6, r7, r8, r9, r10, r11}\n\t"
        : "+r"(ts_job)
        :
        : "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
}
/* clang-format on */

#else

static inline void ts_rgb_pairs(const struct ts_rgb_job *job) {
    const int32_t *strip = job->strip;
    int8_t *output = job->output;
    for (uint32_t pair = 0; pair < job->count; pair++, strip += 2 * TS_RGB_APART, output += job->apart) {
        for (const int32_t *block = job->stream; block != job->stream_end;
             block += TS_RGB_BLOCK_WORDS, output += 4) {
            for (unsigned second = 2; second-- > 0;) {
                for (unsigned c = 0; c < 4; c++) {
                    const int32_t *word = block + 4 + c;
                    int32_t acc = block[c];
                    const int32_t *taps = strip + second * TS_RGB_APART;
                    for (unsigned row = 0; row < 3; row++) {
                        for (unsigned i = 0; i < 5; i++, word += 4) {
                            acc = ts_smlad(*word, taps[i], acc);
                        }
                        taps += (row == 0 ? job->to_second : job->to_third) / 4;
                    }
                    const int32_t *const last = block + 64 + 2 * c;
                    struct ts_scaled_sum const scale = {last[0], last[1], 0};
                    output[second * job->apart + c] = (int8_t)ts_scaled_short(acc, &scale);
                }
            }
        }
    }
}

static inline void ts_rgb_planes(const struct ts_rgb_job *job) {
    struct ts_rgb_job one = *job;
    one.count = 1;
    one.apart = 4;
    for (uint32_t pair = 0; pair < job->count;
         pair++, one.strip += 2 * TS_RGB_APART, one.output += (int32_t)job->next) {
        for (one.stream = job->stream; one.stream != job->stream_end; one.output += job->group) {
            int8_t codes[8];
            int8_t *const to = one.output;
            one.output = codes;
            one.stream_end = one.stream + TS_RGB_BLOCK_WORDS;
            ts_rgb_pairs(&one);
            one.output = to;
            one.stream = one.stream_end;
            for (unsigned i = 0; i < 8; i++) {
                int16_t const code = codes[i];
                __builtin_memcpy(to + i / 4 * job->apart + 4U * (i % 4), &code, 2);
            }
        }
    }
}

#endif

/* Four codes as 16 bits each. */
static inline void ts_rgb_widen_four(int16_t *to, const int8_t *from) {
    uint32_t word;
    __builtin_memcpy(&word, from, 4);
    uint32_t const even = (uint32_t)ts_even_signed(word);
    uint32_t const odd = (uint32_t)ts_odd_signed(word);
    uint32_t const low = (even & 0xFFFFU) | odd << 16;
    uint32_t const high = even >> 16 | (odd & 0xFFFF0000U);
    __builtin_memcpy(to, &low, 4);
    __builtin_memcpy(to + 2, &high, 4);
}

#if defined(__ARM_FEATURE_DSP)
/* clang-format off */
#define TS_RGB_WIDEN(word) \
    "sxtb16 r8, " word "\n\tsxtb16 " word ", " word ", ror #8\n\tpkhbt r9, r8, " word ", lsl #16\n\t" \
    "pkhtb r8, " word ", r8, asr #16\n\tstr r9, [%[to]], #4\n\tstr r8, [%[to]], #4\n\t"
#define TS_RGB_WIDEN_SIXTEEN \
    __asm__ volatile("ldr r4, [%[from]], #4\n\tldr r5, [%[from]], #4\n\tldr r6, [%[from]], #4\n\tldr r7, [%[from]], #4\n\t" \
                     TS_RGB_WIDEN("r4") TS_RGB_WIDEN("r5") TS_RGB_WIDEN("r6") TS_RGB_WIDEN("r7") \
                     : [from] "+&r"(from), [to] "+&r"(to) : : "r4", "r5", "r6", "r7", "r8", "r9", "memory")
/* clang-format on */
#endif

static __attribute__((noinline)) void ts_rgb_widen(int16_t *to, const int8_t *from, unsigned count) {
    const int8_t *const end = from + count;
#if defined(__ARM_FEATURE_DSP)
    for (const int8_t *const sixteens = from + (count & ~15U); from != sixteens;) {
        TS_RGB_WIDEN_SIXTEEN;
    }
    count &= 15U;
#endif
    for (const int8_t *const whole = from + (count & ~7U); from != whole; from += 8, to += 8) {
        ts_rgb_widen_four(to, from);
        ts_rgb_widen_four(to + 4, from + 4);
    }
    while (from != end) {
        *to++ = *from++;
    }
}

static inline void ts_rgb_fill(int16_t *to, int8_t code, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        to[i] = code;
    }
}

/* planes: where the outputs go, whose columns are even then; or 0. */
static inline __attribute__((always_inline)) void ts_rgb_run(const struct ts_rgb *layer,
                                                             const struct ts_planes *planes,
                                                             const int8_t *input, int8_t *output,
                                                             uint8_t *strip) {
    uint32_t const pitch = 2U * layer->strip_words; /* codes */
    int16_t *const rows = (int16_t *)(void *)strip;
    int16_t *const inside = rows + 3U * layer->columns_before;
    uint32_t const room = pitch - 3U * layer->columns_before;
    unsigned const width = 3U * layer->columns < room ? 3U * layer->columns : room;
    int32_t const step = (int32_t)(2 * pitch); /* bytes */
    struct ts_rgb_job job = {
        .stream = layer->stream,
        .stream_end = layer->stream + layer->outputs / 4 * TS_RGB_BLOCK_WORDS,
    };
    ts_rgb_fill(rows, layer->input_zero_point, 3 * pitch);
    for (unsigned image = layer->images; image > 0; image--) {
        int top = -(int)layer->rows_before;
        int made = top;     /* the first row of the image that is not in the strip yet */
        unsigned place = 0; /* in the strip, of the first row of taps */
        for (unsigned y = 0; y < layer->output_rows; y++, top += layer->row_stride) {
            for (made = made > top ? made : top; made < top + 3; made++) {
                int16_t *const to = inside + (place + (unsigned)(made - top)) % 3 * pitch;
                if (made < 0 || made >= layer->rows) {
                    ts_rgb_fill(to, layer->input_zero_point, width);
                } else {
                    ts_rgb_widen(to, input + (uint32_t)made * 3U * layer->columns, width);
                }
            }
            job.strip = (const int32_t *)(const void *)(rows + place * pitch);
            job.to_second = place == 2 ? -2 * step : step;
            job.to_third = place == 1 ? -2 * step : step;
            place = (place + layer->row_stride) % 3;
            if (planes != 0) {
                job.output = (int8_t *)ts_planes_row(planes, (uint8_t *)output, y);
                job.apart = ts_planes_apart(planes);
                job.group = ts_planes_group(planes);
                job.next = ts_planes_column(planes) - planes->groups * job.group;
                job.count = layer->output_columns / 2U;
                ts_rgb_planes(&job);
                continue;
            }
            job.output = output;
            job.apart = layer->outputs;
            job.count = layer->output_columns / 2U;
            if (job.count > 0) {
                ts_rgb_pairs(&job);
            }
            if (layer->output_columns % 2 != 0) {
                job.strip += 2 * TS_RGB_APART * job.count;
                job.output += 2U * layer->outputs * job.count;
                job.apart = 0;
                job.count = 1;
                ts_rgb_pairs(&job);
            }
            output += (uint32_t)layer->output_columns * layer->outputs;
        }
        input += 3U * layer->rows * layer->columns;
    }
}

/* strip: 3 * strip_words words. input and output must not overlap. */
static __attribute__((noinline, unused)) void ts_rgb_s8(const struct ts_rgb *layer, const int8_t *input,
                                                        int8_t *output, uint8_t *strip) {
    ts_rgb_run(layer, 0, input, output, strip);
}

/* One image, to planes. */
static __attribute__((noinline, unused)) void ts_rgb_planes_s8(const struct ts_rgb *layer,
                                                               const struct ts_planes *planes,
                                                               const int8_t *input, int8_t *output,
                                                               uint8_t *strip) {
    ts_planes_pad(planes, (uint8_t *)output);
    ts_rgb_run(layer, planes, input, output, strip);
}

#endif
