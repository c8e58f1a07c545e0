/* A core for tests: what the exported sketch calls, as Arduino's newer cores declare it (the states of pins are an
 * enumeration, which C++ converts from no number), on an nRF52840 without an operating system. */
#pragma once
#include <stddef.h>
#include <stdint.h>

extern "C" {
typedef enum { LOW, HIGH, CHANGE, FALLING, RISING } PinStatus;
typedef enum { INPUT, OUTPUT } PinMode;
void pinMode(uint8_t pin, PinMode mode);
void digitalWrite(uint8_t pin, PinStatus status);
PinStatus digitalRead(uint8_t pin);
unsigned long millis(void);
unsigned long micros(void);
void yield(void);
}
void setup(void);
void loop(void);

#define LED_BUILTIN (13u) /* here the number of the chip's pin, P0.13 */

struct NanoSerial {
    void begin(unsigned long baud);
    int available();
    int read();
    size_t write(const uint8_t *bytes, size_t count);
    void flush();
};
extern NanoSerial Serial;
