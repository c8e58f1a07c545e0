/* The transforms of winograd.h for tiles of 4 x 4 outputs, patches of 6 x 6 codes. Positions stand column by column. */
#ifndef TINYSINE_ENGINE_WINOGRAD_4X4_H
#define TINYSINE_ENGINE_WINOGRAD_4X4_H

#include <stdint.h>

#include "engine/bytes.h"
#include "engine/winograd_tiles.h"

#if defined(__ARM_FEATURE_DSP)

/* One line of a 6 x 6 patch: two of the four channels of six words, r4 to r9, become six words, which are stored at
 * offsets from r12. r2 and r3 hold what is added to the first four, and to the last two. */
#define TS_WINOGRAD_4X4_HALF(rotated, t0, t1, t2, t3, t4, t5)                                                \
    "sxtab16 r0, r2, r4" rotated "\n\tsxtab16 r1, r2, r6" rotated "\n\tsxtab16 r10, r3, r8" rotated "\n\t"   \
    "sub r0, r0, r1\n\tsub r11, r10, r1\n\tsub r10, r10, r1, lsl #2\n\tadd r0, r11, r0, lsl #2\n\t"          \
    "str r0, [r12, #" t0 "]\n\t"                                                                             \
    "sxtab16 r0, r2, r5" rotated "\n\tsxtab16 r1, r2, r7" rotated "\n\t"                                     \
    "sub lr, r1, r0, lsl #2\n\tsub r0, r1, r0\n\t"                                                           \
    "add r10, r10, lr\n\tstr r10, [r12, #" t1 "]\n\tsub r10, r10, lr, lsl #1\n\tstr r10, [r12, #" t2 "]\n\t" \
    "add r11, r11, r0, lsl #1\n\tstr r11, [r12, #" t3 "]\n\tsub r11, r11, r0, lsl #2\n\t"                    \
    "str r11, [r12, #" t4 "]\n\t"                                                                            \
    "sxtab16 r10, r3, r9" rotated "\n\tsub r10, r10, r1\n\tsub r10, r10, r0, lsl #2\n\t"                     \
    "str r10, [r12, #" t5 "]\n\t"

/* Six rows: what they became stands in r12's memory, column after column, first that of two channels, then of the others.
 * On the stack: the next row of codes, both steps, the planes, and where the row of r12 is the fifth, and the end. */
#define TS_WINOGRAD_4X4_ROWS                                                                                 \
    "add r4, r12, #16\n\tadd r5, r12, #24\n\tpush {r0, r1, r2, r3, r4, r5}\n\t"                              \
    "mov r2, #0x00800080\n\tmov r3, r2\n"                                                                    \
    "1:\n\tadd lr, r0, r1\n\tldr r4, [r0]\n\tldr r5, [r0, r1]\n\tldr r6, [r0, r1, lsl #1]\n\t"               \
    "ldr r7, [lr, r1, lsl #1]\n\tldr r8, [r0, r1, lsl #2]\n\tldr r9, [lr, r1, lsl #2]\n\tstr r0, "           \
    "[sp]\n\t" TS_WINOGRAD_4X4_HALF("", "0", "24", "48", "72", "96", "120") TS_WINOGRAD_4X4_HALF(            \
        ", ror #8", "144", "168", "192", "216", "240",                                                       \
        "264") "ldr r0, [sp]\n\tldr r1, [sp, #4]\n\tldr r4, [sp, #8]\n\tldr r5, [sp, #16]\n\tldr r6, [sp, "  \
               "#20]\n\t"                                                                                    \
               "add r0, r0, r4\n\tadd r12, r12, #4\n\tcmp r12, r5\n\tit eq\n\taddeq r3, r3, #0x8000\n\t"     \
               "cmp r12, r6\n\tbne 1b\n\t"

/* Twelve columns, into two planes. */
#define TS_WINOGRAD_4X4_COLUMNS                                                                              \
    "sub r12, r12, #24\n\tadd r1, r12, #288\n\tldr r0, [sp, #12]\n"                                          \
    "2:\n\tldmia r12!, {r4, r5, r6, r7, r8, r9}\n\t"                                                         \
    "sub r10, r8, r6\n\tsub r8, r8, r6, lsl #2\n\tsub r4, r4, r6\n\tadd r4, r10, r4, lsl #2\n\t"             \
    "sub r6, r7, r5, lsl #2\n\tsub r5, r7, r5\n\tsub r9, r9, r7\n\tsub r9, r9, r5, lsl #2\n\t"               \
    "add r8, r8, r6\n\tsub r6, r8, r6, lsl #1\n\tadd r10, r10, r5, lsl #1\n\tsub r5, r10, r5, lsl #2\n\t"    \
    "eor r4, r4, #0x8000\n\teor r8, r8, #0x8000\n\teor r6, r6, #0x8000\n\teor r10, r10, #0x8000\n\t"         \
    "eor r5, r5, #0x8000\n\teor r9, r9, #0x8000\n\t"                                                         \
    "str r8, [r0, #16]\n\tstr r6, [r0, #32]\n\tstr r10, [r0, #48]\n\tstr r5, [r0, #64]\n\t"                  \
    "str r9, [r0, #80]\n\tstr r4, [r0], #96\n\tcmp r12, r1\n\tbne 2b\n\tpop {r0, r1, r2, r3, r4, r5}\n\t"

#define TS_WINOGRAD_4X4_TRANSFORM                                                                            \
    __asm__ volatile(TS_WINOGRAD_4X4_ROWS TS_WINOGRAD_4X4_COLUMNS                                            \
                     : "+r"(ts_codes), "+r"(ts_column), "+r"(ts_row), "+r"(ts_planes), "+r"(ts_lines)        \
                     :                                                                                       \
                     : "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "lr", "cc", "memory")

/* Transform the patch of one tile in four channels: each row, then each column of what the rows became. Codes are taken
 * from 0, so that no low half of a word borrows from its high one: the word is one number, low + 65536 * high. The four
 * last codes of the patch reach every position once: what is added to them is added to each low half, which is negative
 * no more; at the end only its sign bit has to be turned. */
static __attribute__((noinline)) void ts_winograd_4x4_quad(const int8_t *codes, uint32_t column_step,
                                                           uint32_t row_step, int32_t *planes) {
    uint32_t lines[2 * 36];
    register const int8_t *ts_codes __asm__("r0") = codes;
    register uint32_t ts_column __asm__("r1") = column_step;
    register uint32_t ts_row __asm__("r2") = row_step;
    register int32_t *ts_planes __asm__("r3") = planes;
    register uint32_t *ts_lines __asm__("r12") = lines;
    TS_WINOGRAD_4X4_TRANSFORM;
}

/* The sums of six positions, r4 to r9, become those of four outputs: r4, r8, r10, r5. */
#define TS_WINOGRAD_4X4_FOLD                                                                                 \
    "add r10, r5, r6\n\tsub r5, r5, r6\n\tadd r6, r7, r8\n\tsub r7, r7, r8\n\t"                              \
    "add r4, r4, r10\n\tadd r4, r4, r6\n\tadd r8, r5, r7, lsl #1\n\tadd r10, r10, r6, lsl #2\n\t"            \
    "add r5, r5, r7, lsl #3\n\tadd r5, r5, r9, lsl #1\n\t"
#define TS_WINOGRAD_4X4_LINE(bias, y0, y1, y2, y3)                                                           \
    "ldr r5, [r0, #16]\n\tldr r6, [r0, #32]\n\tldr r7, [r0, #48]\n\tldr r8, [r0, #64]\n\t"                   \
    "ldr r9, [r0, #80]\n\tldr r4, [r0], #96\n\t" bias TS_WINOGRAD_4X4_FOLD "str r4, [sp, #" y0               \
    "]\n\tstr r8, [sp, #" y1 "]\n\tstr r10, [sp, #" y2 "]\n\tstr r5, [sp, #" y3 "]\n\t"

/* r0: multiplier, lr: term, r11: what it is less by. */
#define TS_WINOGRAD_4X4_SHORT(x) "smmla " x ", " x ", r0, lr\n\tssat " x ", #8, " x ", asr #12\n\t"
#define TS_WINOGRAD_4X4_SIGNED(x)                                                                            \
    "asr r7, " x ", #31\n\tsmmla " x ", " x ", r0, lr\n\tmla " x ", r7, r11, " x "\n\tssat " x ", #8, " x    \
    ", asr #12\n\t"
#define TS_WINOGRAD_4X4_ROW(code)                                                                            \
    "pop {r4, r5, r6, r7, r8, r9}\n\t" TS_WINOGRAD_4X4_FOLD code("r4") code("r8") code("r10")                \
        code("r5") "add r6, r2, r3\n\tstrb r4, [r2]\n\tstrb r8, [r2, r3]\n\tstrb r10, [r2, r3, lsl #1]\n\t"  \
                   "strb r5, [r6, r3, lsl #1]\n\tadd r2, r2, r12\n\t"

/* On the stack: the sums, the channel, the next of the outputs, their end, and the offset; then four rows of six words. */
#define TS_WINOGRAD_4X4_SUMS                                                                                 \
    "ldmia r0, {r4, r5, r6, r7, r8, r9, r10}\n\tmov r3, r9\n\tmov r12, r10\n\t"                              \
    "push {r4, r5, r6, r7, r8, r9}\n"                                                                        \
    "1:\n\tldr r0, [sp]\n\tldr r1, [sp, #4]\n\tldr r4, [sp, #8]\n\tldr r5, [sp, #16]\n\tldr r2, [r4], "      \
    "#4\n\t"                                                                                                 \
    "ldr lr, [r1]\n\tadd r2, r2, r5\n\tstr r4, [sp, #8]\n\tadd r4, r0, #4\n\tstr r4, [sp]\n\tsub sp, sp, "   \
    "#96\n\t"
#define TS_WINOGRAD_4X4_LINES                                                                                \
    TS_WINOGRAD_4X4_LINE("", "0", "24", "48", "72")                                                          \
    TS_WINOGRAD_4X4_LINE("add r5, r5, lr\n\t", "4", "28", "52", "76")                                        \
    TS_WINOGRAD_4X4_LINE("", "8", "32", "56", "80")                                                          \
    TS_WINOGRAD_4X4_LINE("", "12", "36", "60", "84")                                                         \
    TS_WINOGRAD_4X4_LINE("", "16", "40", "64", "88")                                                         \
    TS_WINOGRAD_4X4_LINE("", "20", "44", "68", "92")                                                         \
    "ldr r0, [r1, #4]\n\tldr lr, [r1, #8]\n\tldr r11, [r1, #12]\n\t"
#define TS_WINOGRAD_4X4_NEXT                                                                                 \
    "ldr r4, [sp, #8]\n\tldr r5, [sp, #12]\n\tcmp r4, r5\n\tbne 1b\n\tpop {r4, r5, r6, r7, r8, r9}\n\t"

/* The codes of one channel. The bias is added at the position from which it reaches each output once. */
#define TS_WINOGRAD_4X4_CODES(name, code)                                                                    \
    static __attribute__((noinline, unused)) void name(const struct ts_winograd_codes *work) {               \
        register const struct ts_winograd_codes *ts_work __asm__("r0") = work;                               \
        __asm__ volatile(TS_WINOGRAD_4X4_SUMS TS_WINOGRAD_4X4_LINES TS_WINOGRAD_4X4_ROW(code)                \
                             TS_WINOGRAD_4X4_ROW(code) TS_WINOGRAD_4X4_ROW(code) TS_WINOGRAD_4X4_ROW(code)   \
                                 TS_WINOGRAD_4X4_NEXT                                                        \
                         : "+r"(ts_work)                                                                     \
                         :                                                                                   \
                         : "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr",  \
                           "cc", "memory");                                                                  \
    }
TS_WINOGRAD_4X4_CODES(ts_winograd_4x4_short, TS_WINOGRAD_4X4_SHORT)
TS_WINOGRAD_4X4_CODES(ts_winograd_4x4_signed, TS_WINOGRAD_4X4_SIGNED)

#else

/* Both halves of a word are one number here, low + 65536 * high: additions and shifts of it are exact. */
static inline void ts_winograd_4x4_line(const uint32_t *d, unsigned from, uint32_t *t, unsigned step) {
    uint32_t const a = d[4 * from] - (d[2 * from] << 2);
    uint32_t const b = d[3 * from] - (d[from] << 2);
    uint32_t const c = d[4 * from] - d[2 * from];
    uint32_t const e = d[3 * from] - d[from];
    t[0] = c + ((d[0] - d[2 * from]) << 2);
    t[step] = a + b;
    t[2 * step] = a - b;
    t[3 * step] = c + (e << 1);
    t[4 * step] = c - (e << 1);
    t[5 * step] = d[5 * from] - d[3 * from] - (e << 2);
}

/* As above, in plain C: codes are taken from 0, and the four last ones with what is added to each low half. */
static inline void ts_winograd_4x4_quad(const int8_t *codes, uint32_t column_step, uint32_t row_step,
                                        int32_t *planes) {
    for (unsigned parity = 0; parity < 2; parity++) {
        uint32_t lines[36];
        for (unsigned y = 0; y < 6; y++) {
            uint32_t row[6];
            for (unsigned x = 0; x < 6; x++) {
                const int8_t *const code = codes + y * row_step + x * column_step + parity;
                uint32_t const added = x < 4 || y < 4 ? 128 : 128 + 0x8000;
                row[x] = (uint32_t)code[0] + added + (((uint32_t)code[2] + 128) << 16);
            }
            ts_winograd_4x4_line(row, 1, lines + y, 6);
        }
        for (unsigned x = 0; x < 6; x++, planes += 6 * TS_WINOGRAD_TILES) {
            uint32_t column[6];
            ts_winograd_4x4_line(lines + 6 * x, 1, column, 1);
            for (unsigned y = 0; y < 6; y++) {
                planes[y * TS_WINOGRAD_TILES] = (int32_t)(column[y] ^ 0x8000);
            }
        }
    }
}

#endif

/* Six sums become four outputs. */
static inline void ts_winograd_4x4_fold(const uint32_t *m, uint32_t *y, unsigned step) {
    uint32_t const a = m[1] + m[2];
    uint32_t const b = m[1] - m[2];
    uint32_t const c = m[3] + m[4];
    uint32_t const d = m[3] - m[4];
    y[0] = m[0] + a + c;
    y[step] = b + (d << 1);
    y[2 * step] = a + (c << 2);
    y[3 * step] = b + (d << 3) + (m[5] << 1);
}

/* The codes of one channel, of any kind. */
static __attribute__((noinline)) void ts_winograd_4x4_any(const struct ts_winograd_codes *work) {
    const int32_t *sums = work->sums;
    for (int8_t *const *at = work->outputs; at != work->end; at++, sums++) {
        uint32_t lines[24];
        for (unsigned x = 0; x < 6; x++) {
            uint32_t column[6];
            for (unsigned y = 0; y < 6; y++) {
                column[y] = (uint32_t)sums[(6 * x + y) * TS_WINOGRAD_TILES];
            }
            column[1] += x == 1 ? (uint32_t)work->channel->bias : 0;
            ts_winograd_4x4_fold(column, lines + x, 6);
        }
        int8_t *output = *at + work->offset;
        for (unsigned y = 0; y < 4; y++, output += work->row_step) {
            uint32_t row[4];
            ts_winograd_4x4_fold(lines + 6 * y, row, 1);
            for (unsigned x = 0; x < 4; x++) {
                output[x * work->column_step] = ts_winograd_code((int32_t)row[x], 576, work->channel);
            }
        }
    }
}

static inline void ts_winograd_4x4_codes(const struct ts_winograd_codes *work) {
#if defined(__ARM_FEATURE_DSP)
    if (work->channel->kind == TS_WINOGRAD_SHORT) {
        ts_winograd_4x4_short(work);
        return;
    }
    if (work->channel->kind == TS_WINOGRAD_SIGNED) {
        ts_winograd_4x4_signed(work);
        return;
    }
#endif
    ts_winograd_4x4_any(work);
}

#endif
