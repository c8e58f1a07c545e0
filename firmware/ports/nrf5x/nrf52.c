/* What only the nRF52 has. */
#include "nrf5x.h"
#include "tinysine/register.h"

#if __ARM_ARCH >= 7

_Static_assert(TS_CLOCK_HZ == 64000000, "clock_hz of the board file: 64 MHz is what an nRF52 has");

#define TS_UARTE_STOPRX  TS_REGISTER(TS_UART_BASE + 0x004)
#define TS_UARTE_RXTO    TS_REGISTER(TS_UART_BASE + 0x144)
#define TS_UARTE_ENABLE  TS_REGISTER(TS_UART_BASE + 0x500)
#define TS_UARTE_ENABLED 8

#define TS_PWM(offset)       TS_REGISTER(0x4001C000 + (offset))
#define TS_PWM_STOP          TS_PWM(0x004)
#define TS_PWM_SEQSTART0     TS_PWM(0x008)
#define TS_PWM_ENABLE        TS_PWM(0x500)
#define TS_PWM_MODE          TS_PWM(0x504)
#define TS_PWM_COUNTERTOP    TS_PWM(0x508)
#define TS_PWM_PRESCALER     TS_PWM(0x50C)
#define TS_PWM_DECODER       TS_PWM(0x510)
#define TS_PWM_LOOP          TS_PWM(0x514)
#define TS_PWM_SEQ0_PTR      TS_PWM(0x520)
#define TS_PWM_SEQ0_CNT      TS_PWM(0x524)
#define TS_PWM_SEQ0_REFRESH  TS_PWM(0x528)
#define TS_PWM_SEQ0_ENDDELAY TS_PWM(0x52C)
#define TS_PWM_PSEL_OUT0     TS_PWM(0x560)

#define TS_NVMC_ICACHECNF    TS_REGISTER(0x4001E540)
#define TS_UICR_APPROTECT    TS_REGISTER(0x10001208)
#define TS_APPROTECT_DISABLE TS_REGISTER(0x40000558)

/* A few character times at any baud rate; a receiver that does not stop by then never ran. */
#define TS_RXTO_LIMIT 100000

void ts_nrf_leave_loader(void) {
    /* Newer silicon locks the debug port unless firmware opens it as UICR says; older has no such
     * register. */
    TS_APPROTECT_DISABLE = TS_UICR_APPROTECT;
    TS_NVMC_ICACHECNF = 1; /* as the loader has it, so that a latency does not depend on there being one */
    /* The UARTE shares address and pins with the UART, and must let go of them first. */
    if (TS_UARTE_ENABLE == TS_UARTE_ENABLED) {
        TS_UARTE_RXTO = 0;
        TS_UARTE_STOPRX = 1;
        for (uint32_t i = 0; i < TS_RXTO_LIMIT && !TS_UARTE_RXTO; i++) {
        }
        TS_UARTE_RXTO = 0;
        TS_UARTE_ENABLE = 0;
    }
    /* PWM0 drives the LED's pin; the others drive none, and the RTC's interrupt is off by now. */
    TS_PWM_STOP = 1;
    TS_PWM_ENABLE = 0;
}

#ifdef TS_LED_PIN

#define TS_PWM_TOP 255 /* at 1 MHz: 3.9 kHz */

/* The PWM fetches the duty from RAM by itself. */
static uint16_t ts_nrf_led_duty;

void ts_nrf_led_init(void) {
    TS_PWM_PSEL_OUT0 = TS_LED_PIN;
    TS_PWM_ENABLE = 1;
    TS_PWM_MODE = 0; /* count up */
    TS_PWM_PRESCALER = 4;
    TS_PWM_COUNTERTOP = TS_PWM_TOP;
    TS_PWM_LOOP = 0;
    TS_PWM_DECODER = 0; /* one value for all outputs */
    TS_PWM_SEQ0_PTR = (uint32_t)(uintptr_t)&ts_nrf_led_duty;
    TS_PWM_SEQ0_CNT = 1;
    TS_PWM_SEQ0_REFRESH = 0;
    TS_PWM_SEQ0_ENDDELAY = 0;
    ts_nrf_led(0);
}

void ts_nrf_led(uint8_t brightness) {
    /* Bit 15 set: the pulse is high. */
    *(volatile uint16_t *)&ts_nrf_led_duty = (uint16_t)(brightness | (TS_LED_ACTIVE_HIGH ? 0x8000u : 0));
    TS_PWM_SEQSTART0 = 1;
}

#endif

#endif
