// Arduino's functions over the firmware's own drivers. The link is UART0 here, not USB, which the emulator lacks.
#include "Arduino.h"

extern "C" {
#include "ports/blocks/uart.h"
#include "ports/cortex_m/cortex_m.h"
#include "ports/nrf5x/nrf5x.h"
void core_main(void);
void ts_fault_handler(void);
}

#define CYCLES_PER_US 64
#define P0_OUT        TS_REGISTER(0x50000504)

NanoSerial Serial;

void NanoSerial::begin(unsigned long) {
    ts_uart_init();
}

int NanoSerial::available() {
    return 0; /* only asked where a buffer can overflow */
}

int NanoSerial::read() {
    return ts_uart_read();
}

size_t NanoSerial::write(const uint8_t *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        ts_uart_write(bytes[i]);
    }
    return count;
}

void NanoSerial::flush() {
    ts_uart_flush();
}

void pinMode(uint8_t pin, PinMode) {
    TS_GPIO_PIN_CNF(pin) = TS_GPIO_OUTPUT;
}

void digitalWrite(uint8_t pin, PinStatus status) {
    if (status == HIGH) {
        TS_GPIO_OUTSET(pin) = TS_GPIO_BIT(pin);
    } else {
        TS_GPIO_OUTCLR(pin) = TS_GPIO_BIT(pin);
    }
}

PinStatus digitalRead(uint8_t pin) {
    return P0_OUT & TS_GPIO_BIT(pin) ? HIGH : LOW;
}

unsigned long millis(void) {
    return ts_systick_millis();
}

unsigned long micros(void) {
    return ts_systick_cycles() / CYCLES_PER_US;
}

void yield(void) {
}

void ts_fault_handler(void) {
    for (;;) {
    }
}

void core_main(void) {
    ts_nrf_leave_loader();
    TS_REGISTER(0x40000100) = 0; // HFCLKSTARTED
    TS_REGISTER(0x40000000) = 1; // HFCLKSTART: the crystal
    while (!TS_REGISTER(0x40000100)) {
    }
    ts_systick_start();
    TS_GPIO_OUTSET(TS_UART_TX) = TS_GPIO_BIT(TS_UART_TX);
    TS_GPIO_PIN_CNF(TS_UART_TX) = TS_GPIO_OUTPUT;
    TS_GPIO_PIN_CNF(TS_UART_RX) = TS_GPIO_INPUT_PULL_UP;
    setup();
    for (;;) {
        loop();
    }
}
