/* WCH's RISC-V chips, whose peripherals are one family: CH32V003 (RV32EC, 24 MHz) and CH32V103 (RV32IMAC, 8 MHz).
 *
 *              line          lamp: red, green, blue
 *   CH32V003   PD5, PD6      PD2, PA1, PC3     timer 1
 *   CH32V103   PA9, PA10     PA6, PA7, PB0     timer 3
 *
 * Timer 2 ticks every millisecond; everything is polled and no interrupt enabled. */
#include "../board/hal.h"
#include "register.h"

enum { RCC = 0x40021000, USART1 = 0x40013800, TICK = 0x40000000 };
enum { PORTA = 0x40010800, PORTB = 0x40010C00, PORTC = 0x40011000, PORTD = 0x40011400 };
enum { CFGR0 = 0x04, APB2 = 0x18, APB1 = 0x1C };
enum { STATR = 0x00, DATAR = 0x04, BRR = 0x08, CTLR1 = 0x0C, RXNE = 1 << 5, TXE = 1 << 7 };
enum { TIMER_ON = 0x00, INTFR = 0x10, CHCTLR1 = 0x18, CHCTLR2 = 0x1C, CCER = 0x20, PSC = 0x28, ATRLR = 0x2C };
enum { WIDTH = 0x34, BDTR = 0x44, MAIN_OUTPUT = 1 << 15 };
enum { ALTERNATE = 0xB, FLOATING = 0x4 };

#if defined(PLANARIA_CH32V003)
enum { LAMP = 0x40012C00, MHZ = 24 };
#else
enum { LAMP = 0x40000400, MHZ = 8 };
#endif

static void pin(uint32_t port, uint32_t number, uint32_t mode)
{
    const uint32_t address = port + (number < 8 ? 0U : 4U);
    const uint32_t place = 4U * (number & 7U);
    at(address) = (at(address) & ~(0xFU << place)) | (mode << place);
}

void hal_start(void)
{
#if defined(PLANARIA_CH32V003)
    at(RCC + CFGR0) = 0; /* the internal 24 MHz undivided */
    at(RCC + APB2) = 1U | (1U << 2) | (1U << 4) | (1U << 5) | (1U << 11) | (1U << 14);
    at(RCC + APB1) = 1U;
    pin(PORTD, 5, ALTERNATE);
    pin(PORTD, 6, FLOATING);
    pin(PORTD, 2, ALTERNATE);
    pin(PORTA, 1, ALTERNATE);
    pin(PORTC, 3, ALTERNATE);
    at(LAMP + BDTR) = MAIN_OUTPUT;
#else
    at(RCC + APB2) = 1U | (1U << 2) | (1U << 3) | (1U << 14);
    at(RCC + APB1) = 3U;
    pin(PORTA, 9, ALTERNATE);
    pin(PORTA, 10, FLOATING);
    pin(PORTA, 6, ALTERNATE);
    pin(PORTA, 7, ALTERNATE);
    pin(PORTB, 0, ALTERNATE);
#endif
    at(USART1 + BRR) = (MHZ * 1000000U + 57600U) / 115200U;
    at(USART1 + CTLR1) = (1U << 13) | (1U << 3) | (1U << 2);
    at(TICK + PSC) = MHZ - 1;
    at(TICK + ATRLR) = 999;
    at(TICK + TIMER_ON) = 1;
    at(LAMP + PSC) = 4U * MHZ - 1; /* 980 Hz */
    at(LAMP + ATRLR) = 254;        /* a width of 255 is always on */
    at(LAMP + CHCTLR1) = 0x6060;   /* PWM mode 1 */
    at(LAMP + CHCTLR2) = 0x0060;
    at(LAMP + CCER) = 0x0111;
    at(LAMP + TIMER_ON) = 1;
}

void hal_put(uint8_t byte)
{
    while ((at(USART1 + STATR) & TXE) == 0) {
    }
    at(USART1 + DATAR) = byte;
}

static bool tick(void)
{
    if ((at(TICK + INTFR) & 1U) == 0) {
        return false;
    }
    at(TICK + INTFR) = 0;
    return true;
}

int16_t hal_get(void)
{
    uint8_t left = HAL_SILENCE_MS;
    while ((at(USART1 + STATR) & RXNE) == 0) {
        if (tick()) {
            left--;
            if (left == 0) {
                return -1;
            }
        }
    }
    return (int16_t)(at(USART1 + DATAR) & 0xFFU);
}

void hal_wait(uint16_t ms)
{
    while (ms != 0) {
        if (tick()) {
            ms--;
        }
    }
}

void hal_lamp(const int8_t *rgb)
{
    for (uint32_t i = 0; i < 3; i++) {
        at(LAMP + WIDTH + 4U * i) = lamp_width(rgb[i]);
    }
}
