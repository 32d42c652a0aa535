/* A register of a 32-bit chip by its address. */
#ifndef PLANARIA_REGISTER_H
#define PLANARIA_REGISTER_H

#include <stdbool.h>
#include <stdint.h>

#define at(address) (*(volatile uint32_t *)(uintptr_t)(address))

#endif
