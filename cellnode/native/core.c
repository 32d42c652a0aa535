/* The integer core (firmware_sim/chip.py) for one cell, with the weights laid out for many hidden units at once.
 *
 * The inputs are 48 numbers of 16 bits, 8 * own and both Sobel sums, taken in 24 pairs; each pair meets 64 hidden units
 * in a row.  Hidden units are taken in pairs, too, and each pair meets 16 outputs.  A core for plain C and one for AVX2
 * (core_avx2.c) do the same sums; all are exact, because the genome's loader has proved that none leaves 32 bits. */
#include <string.h>

#include "world.h"

enum {
    GENOME_HIDDEN = 4, GENOME_M = 6, GENOME_SHIFT = 9, GENOME_S = 11, GENOME_FLAGS = 12, GENOME_B1_SHIFT = 13,
    GENOME_B2 = 16, GENOME_UNITS = 48, GENOME_UNIT_BYTES = 66
};

static int32_t word_at(const uint8_t *at) { return (int16_t)(uint16_t)(at[0] | (uint32_t)at[1] << 8); }

/* A genome's bytes, checked by its loader, as the cores want them. */
static void rule_read(world_rule *rule, const uint8_t *genome)
{
    const int32_t hidden = genome[GENOME_HIDDEN] | genome[GENOME_HIDDEN + 1] << 8;
    memset(rule, 0, sizeof *rule);
    rule->blocks = (hidden + BLOCK - 1) / BLOCK;
    rule->shift = genome[GENOME_SHIFT];
    rule->m = word_at(genome + GENOME_M) & 0xFFFF;
    rule->s = genome[GENOME_S];
    rule->half1 = genome[GENOME_FLAGS] & 1;
    rule->half2 = genome[GENOME_FLAGS] >> 1 & 1;
    for (int32_t c = 0; c < CHANNELS; c++) {
        rule->b2[c] = word_at(genome + GENOME_B2 + 2 * c);
    }
    for (int32_t j = 0; j < rule->blocks * BLOCK; j++) {
        if (j >= hidden) {
            rule->b1[j] = -(1 << 30); /* never above zero, whatever the half step adds */
            continue;
        }
        const uint8_t *const unit = genome + GENOME_UNITS + j * GENOME_UNIT_BYTES;
        rule->b1[j] = word_at(unit) * (1 << genome[GENOME_B1_SHIFT]);
        for (int32_t i = 0; i < 2 * PAIRS; i++) {
            rule->w1[j / BLOCK][i / 2][j % BLOCK * 2 + i % 2] = (int8_t)unit[2 + i];
        }
        for (int32_t c = 0; c < CHANNELS; c++) {
            rule->w2[j / 2][2 * c + j % 2] = (int8_t)unit[2 + 2 * PAIRS + c];
        }
    }
}

/* (8 * sum(own) + sum(sobel)) >> 1; the inputs hold 8 * own already. */
static int32_t half_step(const int16_t *inputs)
{
    int32_t sum = 0;
    for (int32_t i = 0; i < 2 * PAIRS; i++) {
        sum += inputs[i];
    }
    return sum >> 1;
}

/* 8 * own, then dx, then dy. */
static void perceive(const world_cell *cell, int16_t *inputs)
{
    const world_slot *const s = cell->slots;
    for (int32_t c = 0; c < CHANNELS; c++) {
        const int32_t nw = s[0].state[c], ne = s[2].state[c], sw = s[5].state[c], se = s[7].state[c];
        inputs[c] = (int16_t)(8 * cell->own[c]);
        inputs[CHANNELS + c] = (int16_t)(ne + se - nw - sw + 2 * (s[4].state[c] - s[3].state[c]));
        inputs[2 * CHANNELS + c] = (int16_t)(sw + se - nw - ne + 2 * (s[6].state[c] - s[1].state[c]));
    }
}

static void core_plain(const world_rule *rule, const world_cell *cell, int8_t *state)
{
    int16_t inputs[2 * PAIRS];
    int16_t hidden[BLOCKS_MAX * BLOCK];
    int32_t sums[BLOCK];
    int32_t outputs[CHANNELS];
    int32_t total = 0;
    perceive(cell, inputs);
    const int32_t half = rule->half1 ? half_step(inputs) : 0;
    for (int32_t block = 0; block < rule->blocks; block++) {
        for (int32_t j = 0; j < BLOCK; j++) {
            sums[j] = rule->b1[block * BLOCK + j] + half;
        }
        for (int32_t pair = 0; pair < PAIRS; pair++) {
            const int16_t *const w = rule->w1[block][pair];
            const int32_t a = inputs[2 * pair], b = inputs[2 * pair + 1];
            for (int32_t j = 0; j < BLOCK; j++) {
                sums[j] += w[2 * j] * a + w[2 * j + 1] * b;
            }
        }
        for (int32_t j = 0; j < BLOCK; j++) {
            const int32_t value = sums[j] >> rule->shift;
            hidden[block * BLOCK + j] = (int16_t)(value < 0 ? 0 : value > HIDDEN_STEPS ? HIDDEN_STEPS : value);
        }
    }
    memcpy(outputs, rule->b2, sizeof outputs);
    for (int32_t pair = 0; pair < rule->blocks * BLOCK / 2; pair++) {
        const int16_t *const w = rule->w2[pair];
        const int32_t a = hidden[2 * pair], b = hidden[2 * pair + 1];
        if ((a | b) == 0) {
            continue;
        }
        total += a + b;
        for (int32_t c = 0; c < CHANNELS; c++) {
            outputs[c] += w[2 * c] * a + w[2 * c + 1] * b;
        }
    }
    const int32_t half2 = rule->half2 ? total >> 1 : 0;
    for (int32_t c = 0; c < CHANNELS; c++) {
        const int32_t change = ((outputs[c] + half2) * rule->m + (1 << (rule->s - 1))) >> rule->s;
        const int32_t value = cell->own[c] + change;
        state[c] = (int8_t)(value > STATE_MAX ? STATE_MAX : value < -STATE_MAX ? -STATE_MAX : value);
    }
}

/* Fails to compile where >> of a negative number does not floor. */
typedef char shift_floors[(-3 >> 1) == -2 ? 1 : -1];
