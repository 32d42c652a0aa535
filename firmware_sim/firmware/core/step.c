/* One update from what was heard: living mask, both layers, living mask again with the own new alpha.
 *
 * On AVR step_avr.S does the same in fewer bytes and cycles. */
#include "planaria.h"
#include "rom.h"

#if defined(__AVR__) && !defined(PLANARIA_NO_ASSEMBLY)
typedef int planaria_step_is_assembly;
#else
static bool alive(const planaria_core *core, const uint8_t *genome)
{
    const int8_t threshold = rom_signed(genome + GENOME_ALIVE);
    return core->alpha_heard > threshold || core->own[PLANARIA_ALPHA] > threshold;
}

/* (8 * sum(own) + sum(sobel)) >> 1, what the half step of 48 weights adds, without leaving 16 bits; |.| <= 24,512. */
static int16_t half_step(const planaria_core *core)
{
    int16_t own = 0;
    int16_t sobel = 0;
    for (uint8_t i = 0; i < PLANARIA_CHANNELS; i++) {
        own = (int16_t)(own + core->own[i]);
        sobel = (int16_t)(sobel + core->sobel[i] + core->sobel[PLANARIA_CHANNELS + i]);
    }
    return (int16_t)(own * 4 + (sobel >> 1));
}

void planaria_step(planaria_core *core, const uint8_t *genome)
{
    bool lives = alive(core, genome);
    if (lives) {
        const uint8_t flags = rom_byte(genome + GENOME_FLAGS);
        for (uint8_t i = 0; i < PLANARIA_CHANNELS; i++) {
            core->shared.sums[i] = (int16_t)rom_word(genome + GENOME_B2 + 2 * i);
        }
        const uint16_t total =
            planaria_units(core, genome + GENOME_UNITS, (flags & GENOME_HALF1) != 0 ? half_step(core) : 0,
                           rom_byte(genome + GENOME_HIDDEN), rom_byte(genome + GENOME_SHIFT),
                           rom_byte(genome + GENOME_B1_SHIFT));
        planaria_output(core, genome, (flags & GENOME_HALF2) != 0 ? total >> 1 : 0);
        lives = alive(core, genome);
    }
    if (!lives) {
        for (uint8_t i = 0; i < PLANARIA_CHANNELS; i++) {
            core->own[i] = 0;
        }
    }
}
#endif
