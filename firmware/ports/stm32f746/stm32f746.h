/* What the files of this port share. Register facts: RM0385 and ST's device header stm32f746xx.h. */
#ifndef TINYSINE_STM32F746_H
#define TINYSINE_STM32F746_H

#include <stdint.h>

#include "tinysine/register.h"

#define TS_RCC_AHB1ENR TS_REGISTER(0x40023830)
#define TS_RCC_APB1ENR TS_REGISTER(0x40023840)
#define TS_RCC_APB2ENR TS_REGISTER(0x40023844)

/* Pins count through the ports, sixteen each: PA9 is 9, PB7 is 23. */
#define TS_GPIO(pin)       (0x40020000u + 0x400u * ((pin) / 16))
#define TS_GPIO_MODER(pin) TS_REGISTER(TS_GPIO(pin) + 0x00)
#define TS_GPIO_PUPDR(pin) TS_REGISTER(TS_GPIO(pin) + 0x0C)
#define TS_GPIO_BSRR(pin)  TS_REGISTER(TS_GPIO(pin) + 0x18)
#define TS_GPIO_AFR(pin)   TS_REGISTER(TS_GPIO(pin) + 0x20 + 4 * ((pin) % 16 / 8))
#define TS_GPIO_SET(pin)   (1u << ((pin) % 16))
#define TS_GPIO_CLEAR(pin) (0x10000u << ((pin) % 16))
#define TS_MODE_OUTPUT     1u
#define TS_MODE_ALTERNATE  2u
#define TS_PULL_UP         1u

/* Switches a block's clock on, and gives it the cycles that it needs before its first access. */
static inline void ts_stm32_clock_on(volatile uint32_t *enable, uint32_t bits) {
    *enable |= bits;
    (void)*enable;
    (void)*enable;
}

/* Some pins carry the debugger from reset on: never write a whole register. */
static inline void ts_stm32_pin_mode(uint32_t pin, uint32_t mode) {
    uint32_t shift = 2 * (pin % 16);
    TS_GPIO_MODER(pin) = (TS_GPIO_MODER(pin) & ~(3u << shift)) | mode << shift;
}

static inline void ts_stm32_pin_pull(uint32_t pin, uint32_t pull) {
    uint32_t shift = 2 * (pin % 16);
    TS_GPIO_PUPDR(pin) = (TS_GPIO_PUPDR(pin) & ~(3u << shift)) | pull << shift;
}

static inline void ts_stm32_pin_function(uint32_t pin, uint32_t function) {
    uint32_t shift = 4 * (pin % 8);
    TS_GPIO_AFR(pin) = (TS_GPIO_AFR(pin) & ~(0xFu << shift)) | function << shift;
    ts_stm32_pin_mode(pin, TS_MODE_ALTERNATE);
}

/* 216 MHz from the board's crystal, APB1 at 54 MHz, APB2 at 108 MHz. */
void ts_stm32_clocks_start(void);

void ts_stm32_caches_start(void);

#endif
