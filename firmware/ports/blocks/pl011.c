/* Arm's PL011. Its FIFOs (16 bytes, or 32 in later revisions) hold more than a millisecond at 115,200 baud.
 * The port has given the block its clock and power; where a chip selects the clock in CR, the port has done
 * so. */
#include "config.h"
#include "tinysine/register.h"
#include "uart.h"

#define TS_UART_DR   TS_REGISTER(TS_UART_BASE + 0x000)
#define TS_UART_ECR  TS_REGISTER(TS_UART_BASE + 0x004)
#define TS_UART_FR   TS_REGISTER(TS_UART_BASE + 0x018)
#define TS_UART_IBRD TS_REGISTER(TS_UART_BASE + 0x024)
#define TS_UART_FBRD TS_REGISTER(TS_UART_BASE + 0x028)
#define TS_UART_LCRH TS_REGISTER(TS_UART_BASE + 0x02C)
#define TS_UART_CR   TS_REGISTER(TS_UART_BASE + 0x030)
#define TS_UART_IMSC TS_REGISTER(TS_UART_BASE + 0x038)

#define TS_UART_FR_BUSY      (1u << 3)
#define TS_UART_FR_RXFE      (1u << 4)
#define TS_UART_FR_TXFF      (1u << 5)
#define TS_UART_CR_UARTEN    (1u << 0)
#define TS_UART_CR_TXE       (1u << 8)
#define TS_UART_CR_RXE       (1u << 9)
#define TS_UART_CR_ENABLES   (TS_UART_CR_UARTEN | TS_UART_CR_TXE | TS_UART_CR_RXE)
#define TS_UART_LCRH_8_FIFOS 0x70u /* eight bits, no parity, one stop bit, FIFOs on */
#define TS_UART_ECR_OVERRUN  (1u << 3)

/* The divisor has six bits of fraction: 64 * clock / (16 * baud), rounded. */
#define TS_UART_DIVISOR                                                                                      \
    ((TS_UART_CLOCK_HZ / TS_UART_BAUD * 8 + TS_UART_CLOCK_HZ % TS_UART_BAUD * 8 / TS_UART_BAUD + 1) / 2)

static uint32_t ts_uart_overrun_count;

void ts_uart_init(void) {
    uint32_t control = TS_UART_CR & ~TS_UART_CR_ENABLES;
    TS_UART_CR = control; /* the divisor and the frame may only change while the block is off */
    TS_UART_IMSC = 0;
    TS_UART_IBRD = TS_UART_DIVISOR / 64;
    TS_UART_FBRD = TS_UART_DIVISOR % 64;
    TS_UART_LCRH = TS_UART_LCRH_8_FIFOS; /* after the divisor, which it takes over */
    TS_UART_ECR = 0;
    TS_UART_CR = control | TS_UART_CR_ENABLES;
}

int ts_uart_read(void) {
    return TS_UART_FR & TS_UART_FR_RXFE ? -1 : (int)(TS_UART_DR & 0xff);
}

void ts_uart_write(uint8_t byte) {
    while (TS_UART_FR & TS_UART_FR_TXFF) {
    }
    TS_UART_DR = byte;
}

void ts_uart_flush(void) {
    while (TS_UART_FR & TS_UART_FR_BUSY) {
    }
}

uint32_t ts_uart_overruns(void) {
    if (TS_UART_ECR & TS_UART_ECR_OVERRUN) {
        TS_UART_ECR = 0; /* any write clears */
        ts_uart_overrun_count++;
    }
    return ts_uart_overrun_count;
}
