/* Reading the genome where it lies: ordinary memory, or the flash of an AVR, which only the lpm instruction reads. */
#ifndef PLANARIA_ROM_H
#define PLANARIA_ROM_H

#include <stdint.h>

#if defined(__AVR__)
#include <avr/pgmspace.h>
#define ROM PROGMEM
static inline uint8_t rom_byte(const uint8_t *at) { return pgm_read_byte(at); }
#else
#define ROM
static inline uint8_t rom_byte(const uint8_t *at) { return *at; }
#endif

static inline int8_t rom_signed(const uint8_t *at) { return (int8_t)rom_byte(at); }

static inline uint16_t rom_word(const uint8_t *at) { return (uint16_t)(rom_byte(at) | (uint16_t)(rom_byte(at + 1) << 8)); }

#endif
