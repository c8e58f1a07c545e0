/* Any board that Arduino knows, by Arduino's own functions. What they do not offer (a reset, how much RAM
 * there is) is done here for each family of chips. */
#include "sketch.h"

#include <Arduino.h>

#include "config.h"
#include "tinysine/app.h"
#include "tinysine/fault.h"
#include "tinysine/port.h"

#define TS_SERIAL_BAUD 115200 /* boards with USB of their own take any */

#ifndef TS_LED_LIT /* a board whose LED is lit by the low level may define both the other way round */
#define TS_LED_LIT  HIGH
#define TS_LED_DARK LOW
#endif

static void ts_arduino_init() {
    ts_stage(TS_STAGE_PORT);
    Serial.begin(TS_SERIAL_BAUD);
#ifdef LED_BUILTIN
    pinMode(LED_BUILTIN, OUTPUT);
    digitalWrite(LED_BUILTIN, TS_LED_DARK);
#endif
}

static uint32_t ts_arduino_overrun_count;

static int ts_arduino_read() {
#ifdef SERIAL_RX_BUFFER_SIZE
    /* Arduino drops what finds its buffer full, and does not tell: that it was full is all that shows. */
    static bool full;
    bool const full_now = Serial.available() >= SERIAL_RX_BUFFER_SIZE - 1;
    ts_arduino_overrun_count += full_now && !full;
    full = full_now;
#endif
    int const received = Serial.read();
    if (received < 0) {
        yield(); /* some cores serve their USB or radio here */
    }
    return received;
}

#ifdef __AVR__ /* its Serial has a buffer of its own, and there is no RAM for another */

static void ts_arduino_write(uint8_t byte) {
    Serial.write(byte);
}

static void ts_arduino_flush() {
    /* Not Serial.flush(): the flag that it waits for (TXC0) never comes in QEMU, which clears it at once. */
    while (Serial.availableForWrite() < SERIAL_TX_BUFFER_SIZE - 1) {
    }
    delayMicroseconds(2 * (10 * 1000000UL / TS_SERIAL_BAUD + 1)); /* two bytes are still in the transmitter */
}

#else /* one byte alone may be a whole USB packet */

static uint8_t ts_arduino_out[64];
static uint8_t ts_arduino_out_end;

static void ts_arduino_send() {
    Serial.write(ts_arduino_out, ts_arduino_out_end);
    ts_arduino_out_end = 0;
}

static void ts_arduino_write(uint8_t byte) {
    ts_arduino_out[ts_arduino_out_end++] = byte;
    if (ts_arduino_out_end == sizeof ts_arduino_out) {
        ts_arduino_send();
    }
}

static void ts_arduino_flush() {
    ts_arduino_send();
    Serial.flush();
}

#endif

static uint32_t ts_arduino_overruns() {
    return ts_arduino_overrun_count;
}

#ifdef LED_BUILTIN

/* Not analogWrite: the Uno's LED is on a pin without PWM. */
static uint8_t ts_arduino_brightness;

static void ts_arduino_led(uint8_t brightness) {
    ts_arduino_brightness = brightness;
}

static void ts_arduino_show() {
    /* A period of 256 times 16 us. */
    bool const lit = (uint8_t)(micros() >> 4) < ts_arduino_brightness;
    /* Asked of the pin, not remembered: QEMU's AVR looks for an interrupt that came while they were off, as
     * they are in micros(), only when an I/O register is read. */
    if ((digitalRead(LED_BUILTIN) == TS_LED_LIT) != lit) {
        digitalWrite(LED_BUILTIN, lit ? TS_LED_LIT : TS_LED_DARK);
    }
}

#endif

static uint32_t ts_arduino_millis() {
#ifdef LED_BUILTIN
    ts_arduino_show();
#endif
    return millis();
}

#if defined(__ARM_ARCH_7M__) || defined(__ARM_ARCH_7EM__)

/* Cycles say more than microseconds. Armv7-M Architecture Reference Manual: DEMCR, DWT. */
#define TS_DEMCR      (*(volatile uint32_t *)0xE000EDFC)
#define TS_DWT_CTRL   (*(volatile uint32_t *)0xE0001000)
#define TS_DWT_CYCCNT (*(volatile uint32_t *)0xE0001004)

#ifdef F_CPU
#define TS_COUNTER_CLOCK_HZ F_CPU
#else
#define TS_COUNTER_CLOCK_HZ 0
#endif

static uint32_t ts_arduino_counter_read() {
    return TS_DWT_CYCCNT;
}

static enum ts_counter ts_arduino_counter_start() {
    TS_DEMCR |= 1u << 24; /* TRCENA */
    TS_DWT_CTRL |= 1;
    uint32_t const start = TS_DWT_CYCCNT;
    return TS_DWT_CYCCNT != start ? TS_COUNTER_DWT : TS_COUNTER_NONE;
}

#else

#define TS_COUNTER_CLOCK_HZ 1000000

static uint32_t ts_arduino_counter_read() {
    return micros();
}

static enum ts_counter ts_arduino_counter_start() {
    /* An emulator need not have the timer behind it: what stands still counts nothing. */
    uint32_t const start = micros();
    for (uint8_t i = 0; i < 255; i++) {
        if (micros() != start) {
            return TS_COUNTER_TIMER;
        }
    }
    return TS_COUNTER_NONE;
}

#endif

static void ts_arduino_counter_stop() {
}

static void ts_arduino_reset() {
#if defined(__AVR__)
    /* The watchdog would be the usual way, but loaders of old leave it running, and reset for ever. */
    noInterrupts();
    __asm__ volatile("jmp 0");
#elif defined(__arm__)
    /* System reset request: Armv6-M and Armv7-M Architecture Reference Manuals, AIRCR. */
    *(volatile uint32_t *)0xE000ED0C = 0x05FA0004;
#elif defined(ESP8266) || defined(ESP32)
    ESP.restart();
#else
#error "say here how this chip is reset"
#endif
    for (;;) {
    }
}

#ifdef __AVR__

extern "C" {
/* The linker's: data, bss, and the first byte behind all that is static. */
extern uint8_t __data_start[];
extern uint8_t __data_end[];
extern uint8_t __bss_start[];
extern uint8_t __bss_end[];
extern uint8_t __heap_start[];
}

#define TS_STACK_TOP    ((uint32_t *)(RAMEND + 1))
#define TS_STACK_BOTTOM ((uint32_t *)(RAMEND + 1 - TS_STACK_BYTES))

static uint32_t ts_arduino_static_ram_bytes() {
    return (uint32_t)(__data_end - __data_start) + (uint32_t)(__bss_end - __bss_start);
}

void ts_arduino_run() {
    int const missing = (int)((uint8_t *)__heap_start - (uint8_t *)TS_STACK_BOTTOM);
    while (missing > 0) {
        /* Sooner said than run into: what is too large in RAM fails in ways that nobody understands. */
        Serial.begin(TS_SERIAL_BAUD);
        Serial.print(F("tinysine: bytes of RAM missing for the stack: "));
        Serial.println(missing);
        delay(2000);
    }
    ts_app_run();
}

#else

#define TS_STACK_TOP    ((uint32_t *)0)
#define TS_STACK_BOTTOM ((uint32_t *)0)

static uint32_t ts_arduino_static_ram_bytes() {
    return UINT32_MAX; /* an operating system's may be among it */
}

void ts_arduino_run() {
    ts_app_run();
}

#endif

/* C++ of Arduino's age wants them all, in the order of the declaration. */
const struct ts_port ts_port = {
    .board = TS_BOARD_NAME,
    .init = ts_arduino_init,
    .read = ts_arduino_read,
    .write = ts_arduino_write,
    .flush = ts_arduino_flush,
    .overruns = ts_arduino_overruns,
#ifdef LED_BUILTIN
    .led = ts_arduino_led,
#else
    .led = 0,
#endif
    .millis = ts_arduino_millis,
    .counter_start = ts_arduino_counter_start,
    .counter_read = ts_arduino_counter_read,
    .counter_stop = ts_arduino_counter_stop,
#ifdef F_CPU
    .clock_hz = F_CPU,
#else
    .clock_hz = 0,
#endif
    .counter_clock_hz = TS_COUNTER_CLOCK_HZ,
    .unique_id = 0, /* Arduino has no name for it */
    .reset = ts_arduino_reset,
    .stack_bottom = TS_STACK_BOTTOM,
    .stack_top = TS_STACK_TOP,
    .static_ram_bytes = ts_arduino_static_ram_bytes,
};
