/* nRF51822, a Cortex-M0 at 16 MHz (micro:bit v1): line on P0.24/P0.25 (its USB), lamp on pads 0 red, 1 green, 2 blue.
 *
 * No interrupt is ever taken: asleep, the timer's pending flag is the event that ends WFE.  The chip has no PWM block:
 * timer 1 toggles the pins through GPIOTE and PPI, without the processor. */
#include "../board/hal.h"
#include "register.h"

enum { UART = 0x40002000, GPIOTE = 0x40006000, TICK = 0x40008000, LAMP = 0x40009000, PPI = 0x4001F000 };
enum { GPIO = 0x50000000, NVIC_CLEAR = 0xE000E280, SCR = 0xE000ED10, TICK_BIT = 1 << 8 };
enum { START = 0x000, STOP = 0x004, CLEAR = 0x00C, COMPARE = 0x140, SHORTS = 0x200, INTENSET = 0x304 };
enum { BITMODE = 0x508, PRESCALER = 0x510, CC = 0x540 };
enum { UART_STARTTX = 0x008, RXDRDY = 0x108, TXDRDY = 0x11C, UART_ENABLE = 0x500, PSELTXD = 0x50C, PSELRXD = 0x514 };
enum { RXD = 0x518, TXD = 0x51C, BAUDRATE = 0x524, BAUD_115200 = 0x01D7E000 };
enum { OUTSET = 0x508, OUTCLR = 0x50C, DIRSET = 0x518, GPIOTE_CONFIG = 0x510, PPI_ENABLE = 0x504, PPI_CHANNEL = 0x510 };

static const uint8_t pins[3] = {3, 2, 1};

void hal_start(void)
{
    at(GPIO + DIRSET) = (1U << 24) | (1U << 3) | (1U << 2) | (1U << 1);
    at(GPIO + OUTSET) = 1U << 24;
    at(UART + PSELTXD) = 24;
    at(UART + PSELRXD) = 25;
    at(UART + BAUDRATE) = BAUD_115200;
    at(UART + UART_ENABLE) = 4;
    at(UART + UART_STARTTX) = 1;
    at(UART + START) = 1;
    at(TICK + BITMODE) = 0;
    at(TICK + PRESCALER) = 4; /* 1 MHz */
    at(TICK + CC) = 1000;
    at(TICK + SHORTS) = 1; /* compare clears */
    at(TICK + INTENSET) = 1U << 16;
    at(TICK + START) = 1;
    at(SCR) = 1U << 4; /* a pending interrupt is an event, taken or not */
    for (uint32_t i = 0; i < 3; i++) {
        const uint32_t off = i * 16U;
        at(PPI + PPI_CHANNEL + off) = LAMP + COMPARE + 4U * i;
        at(PPI + PPI_CHANNEL + off + 4) = GPIOTE + 4U * i;
        at(PPI + PPI_CHANNEL + off + 8) = LAMP + COMPARE + 12U;
        at(PPI + PPI_CHANNEL + off + 12) = GPIOTE + 4U * i;
    }
    at(PPI + PPI_ENABLE) = 0x3F;
    at(LAMP + BITMODE) = 1;   /* 8 bits */
    at(LAMP + PRESCALER) = 8; /* 244 Hz */
    at(LAMP + CC + 12) = 0;
}

void hal_put(uint8_t byte)
{
    at(UART + TXDRDY) = 0;
    at(UART + TXD) = byte;
    while (at(UART + TXDRDY) == 0) {
    }
}

static bool tick(void)
{
    if (at(TICK + COMPARE) == 0) {
        return false;
    }
    at(TICK + COMPARE) = 0;
    at(NVIC_CLEAR) = TICK_BIT;
    return true;
}

int16_t hal_get(void)
{
    uint8_t left = HAL_SILENCE_MS;
    while (at(UART + RXDRDY) == 0) {
        if (tick()) {
            left--;
            if (left == 0) {
                return -1;
            }
        }
    }
    at(UART + RXDRDY) = 0;
    return (int16_t)(at(UART + RXD) & 0xFFU);
}

void hal_wait(uint16_t ms)
{
    while (ms != 0) {
        __asm__ volatile("wfe");
        if (tick()) {
            ms--;
        }
    }
}

void hal_lamp(const int8_t *rgb)
{
    at(LAMP + STOP) = 1;
    at(LAMP + CLEAR) = 1;
    for (uint32_t i = 0; i < 3; i++) {
        const uint32_t width = lamp_width(rgb[i]);
        const uint32_t pin = pins[i];
        const bool steady = width == 0 || width == 255;
        at(GPIO + (width == 0 ? OUTCLR : OUTSET)) = 1U << pin;
        at(LAMP + CC + 4U * i) = width;
        /* task mode, toggle, beginning high */
        at(GPIOTE + GPIOTE_CONFIG + 4U * i) = steady ? 0 : 3U | (pin << 8) | (3U << 16) | (1U << 20);
    }
    at(LAMP + START) = 1;
}
