/* ATmega328P at 16 MHz (an Arduino Uno or Nano): line on PD0/PD1, lamp on PD6 red, PD5 green, PD3 blue.
 *
 * Timer 1 ticks every millisecond; awake it is polled, asleep its empty interrupt (start_avr.S) ends the sleep.  The line
 * is polled too: two bytes of hardware buffer cover what hearing a state takes. */
#include <avr/interrupt.h>
#include <avr/io.h>
#include <avr/sleep.h>

#include "../board/hal.h"

void hal_start(void)
{
    UCSR0A = _BV(U2X0);
    UBRR0L = 16; /* 115,200 baud, 2.1 % fast, as every Arduino */
    UCSR0B = _BV(RXEN0) | _BV(TXEN0);
    DDRD = _BV(PD6) | _BV(PD5) | _BV(PD3);
    /* Phase correct: a width of 0 is dark for good, fast PWM would leave a spike. */
    TCCR0A = _BV(COM0A1) | _BV(COM0B1) | _BV(WGM00);
    TCCR0B = _BV(CS01);
    TCCR2A = _BV(COM2B1) | _BV(WGM20);
    TCCR2B = _BV(CS21);
    TCCR1B = _BV(WGM12) | _BV(CS11) | _BV(CS10);
    OCR1A = 249; /* 16 MHz / 64 / 250 = 1 kHz */
    SMCR = _BV(SE); /* idle: timers and line go on */
}

void hal_put(uint8_t byte)
{
    while ((UCSR0A & _BV(UDRE0)) == 0) {
    }
    UDR0 = byte;
}

int16_t hal_get(void)
{
    uint8_t left = HAL_SILENCE_MS;
    while ((UCSR0A & _BV(RXC0)) == 0) {
        if ((TIFR1 & _BV(OCF1A)) != 0) {
            TIFR1 = _BV(OCF1A);
            if (--left == 0) {
                return -1;
            }
        }
    }
    return UDR0;
}

void hal_wait(uint16_t ms)
{
    TIFR1 = _BV(OCF1A);
    TIMSK1 = _BV(OCIE1A);
    sei();
    for (; ms != 0; ms--) {
        sleep_cpu();
    }
    cli();
    TIMSK1 = 0;
}

void hal_lamp(const int8_t *rgb)
{
    OCR0A = lamp_width(rgb[0]);
    OCR0B = lamp_width(rgb[1]);
    OCR2B = lamp_width(rgb[2]);
}
