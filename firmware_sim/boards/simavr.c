/* An AVR under libsimavr, in the shape Python wants: flash in, bytes in and out, cycles, registers.
 *
 * Cycle-exact; a sleeping chip costs no time of the host.  Built on first use, see avr.py. */
#include <simavr/avr_uart.h>
#include <simavr/sim_avr.h>
#include <simavr/sim_io.h>
#include <simavr/sim_irq.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { QUEUE = 4096, SENTINEL = 0x7FFE };

typedef struct {
    avr_t *avr;
    avr_irq_t *input;
    uint8_t in[QUEUE];
    uint32_t in_head, in_tail; /* to the chip */
    uint8_t out[QUEUE];
    uint32_t out_length; /* from the chip */
    int ready;           /* the UART has room */
} machine;

static void quiet(avr_t *avr, const int level, const char *format, va_list ap)
{
    (void)avr;
    (void)level;
    (void)format;
    (void)ap;
}

static void no_sleep(avr_t *avr, avr_cycle_count_t how_long)
{
    (void)avr;
    (void)how_long;
}

static void feed(machine *m)
{
    while (m->ready && m->in_head != m->in_tail) {
        avr_raise_irq(m->input, m->in[m->in_head++ % QUEUE]);
    }
}

static void said(struct avr_irq_t *irq, uint32_t value, void *param)
{
    machine *m = param;
    (void)irq;
    if (m->out_length < QUEUE) {
        m->out[m->out_length++] = (uint8_t)value;
    }
}

static void xon(struct avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    (void)value;
    ((machine *)param)->ready = 1;
    feed(param);
}

static void xoff(struct avr_irq_t *irq, uint32_t value, void *param)
{
    (void)irq;
    (void)value;
    ((machine *)param)->ready = 0;
}

machine *planaria_avr_new(const char *name, uint32_t hertz, const uint8_t *flash, uint32_t bytes);
void planaria_avr_free(machine *m);
int planaria_avr_run(machine *m, uint64_t cycles, uint32_t until_out);
int planaria_avr_send(machine *m, const uint8_t *bytes, uint32_t count);
uint32_t planaria_avr_take(machine *m, uint8_t *bytes);
int64_t planaria_avr_call(machine *m, uint32_t address, uint16_t stack, uint64_t limit);
uint8_t *planaria_avr_memory(machine *m);
uint8_t *planaria_avr_flash(machine *m);
uint64_t planaria_avr_cycles(machine *m);
uint32_t planaria_avr_pc(machine *m);
void planaria_avr_reset(machine *m);
void planaria_avr_watch(machine *m, int each);

machine *planaria_avr_new(const char *name, uint32_t hertz, const uint8_t *flash, uint32_t bytes)
{
    machine *m = calloc(1, sizeof *m);
    avr_global_logger_set(quiet);
    m->avr = avr_make_mcu_by_name(name);
    if (m->avr == NULL) {
        free(m);
        return NULL;
    }
    avr_init(m->avr);
    m->avr->frequency = hertz;
    m->avr->sleep = no_sleep;
    m->avr->log = 0;
    memcpy(m->avr->flash, flash, bytes);
    m->avr->codeend = m->avr->flashend;
    uint32_t flags = 0;
    avr_ioctl(m->avr, AVR_IOCTL_UART_GET_FLAGS('0'), &flags);
    flags &= ~(uint32_t)(AVR_UART_FLAG_STDIO | AVR_UART_FLAG_POOL_SLEEP);
    avr_ioctl(m->avr, AVR_IOCTL_UART_SET_FLAGS('0'), &flags);
    m->input = avr_io_getirq(m->avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_INPUT);
    avr_irq_register_notify(avr_io_getirq(m->avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUTPUT), said, m);
    avr_irq_register_notify(avr_io_getirq(m->avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XON), xon, m);
    avr_irq_register_notify(avr_io_getirq(m->avr, AVR_IOCTL_UART_GETIRQ('0'), UART_IRQ_OUT_XOFF), xoff, m);
    m->ready = 1;
    planaria_avr_watch(m, 1);
    return m;
}

void planaria_avr_free(machine *m)
{
    avr_terminate(m->avr);
    free(m);
}

/* Runs for that many cycles, or until `until_out` bytes came out (0: never). Answers 0, or 1 when the chip crashed. */
int planaria_avr_run(machine *m, uint64_t cycles, uint32_t until_out)
{
    const uint64_t end = m->avr->cycle + cycles;
    while (m->avr->cycle < end) {
        const int state = avr_run(m->avr);
        if (state == cpu_Done || state == cpu_Crashed) {
            return 1;
        }
        if (until_out != 0 && m->out_length >= until_out) {
            break;
        }
    }
    return 0;
}

int planaria_avr_send(machine *m, const uint8_t *bytes, uint32_t count)
{
    if (m->in_tail - m->in_head + count > QUEUE) {
        return 1;
    }
    for (uint32_t i = 0; i < count; i++) {
        m->in[m->in_tail++ % QUEUE] = bytes[i];
    }
    feed(m);
    return 0;
}

/* `bytes` holds 4096. */
uint32_t planaria_avr_take(machine *m, uint8_t *bytes)
{
    const uint32_t length = m->out_length;
    memcpy(bytes, m->out, length);
    m->out_length = 0;
    return length;
}

/* Calls one function of the image, registers as they stand; answers its cycles, -1 when it did not return. */
int64_t planaria_avr_call(machine *m, uint32_t address, uint16_t stack, uint64_t limit)
{
    avr_t *avr = m->avr;
    avr->data[stack] = (SENTINEL >> 1) & 0xFF;
    avr->data[stack - 1] = SENTINEL >> 9;
    stack = (uint16_t)(stack - 2);
    avr->data[R_SPL] = stack & 0xFF;
    avr->data[R_SPH] = stack >> 8;
    avr->pc = address;
    planaria_avr_watch(m, 1);
    avr->state = cpu_Running;
    avr->sreg[S_I] = 0;
    const uint64_t start = avr->cycle;
    while (avr->pc != SENTINEL) {
        const int state = avr_run(avr);
        if (state == cpu_Done || state == cpu_Crashed || avr->cycle - start > limit) {
            return -1;
        }
    }
    return (int64_t)(avr->cycle - start);
}

uint8_t *planaria_avr_memory(machine *m) { return m->avr->data; }

uint8_t *planaria_avr_flash(machine *m) { return m->avr->flash; }

uint64_t planaria_avr_cycles(machine *m) { return m->avr->cycle; }

uint32_t planaria_avr_pc(machine *m) { return m->avr->pc; }

void planaria_avr_reset(machine *m)
{
    avr_reset(m->avr);
    m->avr->state = cpu_Running;
}

/* 1: stop after each instruction, so that a run ends at its very cycle; 0: several times as fast. */
void planaria_avr_watch(machine *m, int each)
{
    m->avr->run_cycle_limit = each ? 1 : 0x7FFFFFFF;
    m->avr->run_cycle_count = 1;
}
