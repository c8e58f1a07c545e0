/* The line of Arm's MPS2 board with a Cortex-M4 (AN386), which QEMU has: its UART, and a start without a library. */
#include <stdint.h>

void your_firmware(void);

#define UART_DATA    (*(volatile uint32_t *)0x40004000)
#define UART_STATE   (*(volatile uint32_t *)0x40004004) /* bit 0: cannot send yet; bit 1: a byte has come */
#define UART_CONTROL (*(volatile uint32_t *)0x40004008)
#define UART_BAUD_DIVIDER (*(volatile uint32_t *)0x40004010)

int get_byte(void) {
    while (!(UART_STATE & 2)) {
    }
    return (int)(UART_DATA & 0xFF);
}

void put_byte(uint8_t byte) {
    while (UART_STATE & 1) {
    }
    UART_DATA = byte;
}

/* Called by the compiler for copies. */
void *memcpy(void *to, const void *from, __SIZE_TYPE__ length) {
    for (__SIZE_TYPE__ i = 0; i < length; i++) {
        ((volatile uint8_t *)to)[i] = ((const uint8_t *)from)[i];
    }
    return to;
}

void *memset(void *to, int value, __SIZE_TYPE__ length) {
    for (__SIZE_TYPE__ i = 0; i < length; i++) {
        ((volatile uint8_t *)to)[i] = (uint8_t)value;
    }
    return to;
}

int memcmp(const void *one, const void *other, __SIZE_TYPE__ length) {
    for (__SIZE_TYPE__ i = 0; i < length; i++) {
        int difference = ((const uint8_t *)one)[i] - ((const uint8_t *)other)[i];
        if (difference != 0) {
            return difference;
        }
    }
    return 0;
}

void reset(void) {
    UART_BAUD_DIVIDER = 217; /* 25 MHz / 115,200 */
    UART_CONTROL = 3;        /* send and receive */
    your_firmware();
}

extern uint32_t stack_top;
__attribute__((section(".vectors"), used)) static const void *const vectors[] = {&stack_top,
                                                                                 (const void *)reset};
