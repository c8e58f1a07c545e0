/* ST's USART of the STM32F7 kind (ISR, ICR, RDR, TDR). It has no FIFO: at 115,200 baud a byte must be fetched
 * within 86 microseconds. The port has given the block its clock. */
#include "config.h"
#include "tinysine/register.h"
#include "uart.h"

#define TS_USART_CR1 TS_REGISTER(TS_UART_BASE + 0x00)
#define TS_USART_CR2 TS_REGISTER(TS_UART_BASE + 0x04)
#define TS_USART_CR3 TS_REGISTER(TS_UART_BASE + 0x08)
#define TS_USART_BRR TS_REGISTER(TS_UART_BASE + 0x0C)
#define TS_USART_ISR TS_REGISTER(TS_UART_BASE + 0x1C)
#define TS_USART_ICR TS_REGISTER(TS_UART_BASE + 0x20)
#define TS_USART_RDR TS_REGISTER(TS_UART_BASE + 0x24)
#define TS_USART_TDR TS_REGISTER(TS_UART_BASE + 0x28)

#define TS_CR1_ENABLED 0xDu /* UE, RE, TE */
#define TS_ISR_FE      (1u << 1)
#define TS_ISR_NF      (1u << 2)
#define TS_ISR_ORE     (1u << 3)
#define TS_ISR_RXNE    (1u << 5)
#define TS_ISR_TC      (1u << 6)
#define TS_ISR_TXE     (1u << 7)
#define TS_ISR_ERRORS  (TS_ISR_ORE | TS_ISR_NF | TS_ISR_FE) /* ICR has the same bits */

static uint32_t ts_uart_overrun_count;

void ts_uart_init(void) {
    TS_USART_CR1 = 0; /* the rate may only change while the block is off */
    TS_USART_CR2 = 0;
    TS_USART_CR3 = 0;
    TS_USART_BRR = (TS_UART_CLOCK_HZ + TS_UART_BAUD / 2) / TS_UART_BAUD;
    TS_USART_CR1 = TS_CR1_ENABLED;
}

/* An error stays until it is cleared, and an overrun would be counted at each look. */
static uint32_t ts_uart_status(void) {
    uint32_t status = TS_USART_ISR;
    if (status & TS_ISR_ERRORS) {
        TS_USART_ICR = status & TS_ISR_ERRORS;
        if (status & TS_ISR_ORE) {
            ts_uart_overrun_count++;
        }
    }
    return status;
}

int ts_uart_read(void) {
    return ts_uart_status() & TS_ISR_RXNE ? (int)(TS_USART_RDR & 0xff) : -1;
}

void ts_uart_write(uint8_t byte) {
    while (!(TS_USART_ISR & TS_ISR_TXE)) {
    }
    TS_USART_TDR = byte;
}

void ts_uart_flush(void) {
    while (!(TS_USART_ISR & TS_ISR_TC)) {
    }
}

uint32_t ts_uart_overruns(void) {
    (void)ts_uart_status();
    return ts_uart_overrun_count;
}
