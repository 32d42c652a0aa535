/* Reset and the one interrupt in use.  The vectors of the others are never taken, so their room holds the start itself:
 * 46 bytes instead of the 104 of a full table.  Clears the RAM behind the stack's reach and calls main. */
#include <avr/io.h>

.section .vectors, "ax", @progbits
.global planaria_reset
planaria_reset:
  clr   r1
  out   _SFR_IO_ADDR(SREG), r1
  ldi   r28, lo8(RAMEND)        /* a bootloader may have left another */
  ldi   r29, hi8(RAMEND)
  out   _SFR_IO_ADDR(SPH), r29
  out   _SFR_IO_ADDR(SPL), r28
.global __do_clear_bss          /* the compiler asks for it by this name */
__do_clear_bss:
  ldi   r26, lo8(__bss_start)
  ldi   r27, hi8(__bss_start)
1:st    X+, r1
  cpi   r26, lo8(__bss_end)
  ldi   r24, hi8(__bss_end)
  cpc   r27, r24
  brne  1b
  jmp   main
.org TIMER1_COMPA_vect_num * 4
  reti                          /* a millisecond has passed: only ends the sleep */
