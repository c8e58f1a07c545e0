/* Lines typed by a person at a serial terminal. They lie in the request buffer, which is free then. */
#include "tinysine/engine.h"
#include "tinysine/link.h"
#include "tinysine/number.h"
#include "tinysine/port.h"

static void ts_text_print(const char *text) {
    while (*text) {
        ts_port.write((uint8_t)*text++);
    }
}

static void ts_text_print_code(int32_t code) {
    char text[7];
    char *at = text + sizeof text - 1;
    uint32_t left = (uint32_t)(code < 0 ? -code : code);
    *at = 0;
    do {
        *--at = (char)('0' + left % 10);
        left /= 10;
    } while (left != 0);
    if (code < 0) {
        *--at = '-';
    }
    ts_text_print(at);
}

static void ts_text_infer(float x) {
    char decimal[TS_DECIMAL_MAX + 1];
    float y;
    int32_t code;
    if (ts_number_infer(x, &y, &code) != TS_OK) {
        ts_text_print("the engine failed");
        return;
    }
    ts_decimal_format(x, decimal);
    ts_text_print(decimal);
    ts_text_print(" -> ");
    ts_decimal_format(y, decimal);
    ts_text_print(decimal);
    if (ts_engine.outputs->dtype != TS_FLOAT32) {
        ts_text_print(" (code ");
        ts_text_print_code(code);
        ts_text_print(")");
    }
}

static void ts_text_answer(void) {
    float x;
    bool possible = ts_number_is_possible();
    if (possible && ts_decimal_parse(ts_link.request, ts_link.typed, &x) == TS_OK) {
        ts_text_infer(x);
    } else {
        ts_text_print("tinysine on ");
        ts_text_print(ts_port.board);
        ts_text_print(possible ? ": type a number such as 1.5708" : ": this model takes frames only");
    }
    ts_text_print("\r\n");
    ts_port.flush();
    ts_link.lines++;
}

void ts_text_receive(uint8_t byte) {
    if (byte == '\r' || byte == '\n') {
        if (ts_link.typed != 0 && ts_link.typed <= TS_TEXT_MAX) {
            ts_text_answer();
        }
        ts_link.typed = 0;
    } else if (ts_link.typed < TS_TEXT_MAX && byte >= ' ' && byte <= '~') {
        ts_link.request[ts_link.typed++] = byte;
    } else if ((byte == '\b' || byte == 0x7f) && ts_link.typed <= TS_TEXT_MAX) {
        ts_link.typed -= ts_link.typed != 0;
    } else {
        ts_link.typed = TS_TEXT_MAX + 1; /* not a line for us, up to its end */
    }
}
