/* Sixteen steps of the LFSR on an AVR: the same as clock_draw in clock.c, in 24 instructions.
 *
 * Address of the LFSR in r24:25, the draw comes back there. */
#if defined(__AVR__) && !defined(PLANARIA_NO_ASSEMBLY)

.section .text.clock_draw, "ax", @progbits
.global clock_draw
.type clock_draw, @function
clock_draw:
  movw  r30, r24
  ld    r24, Z
  ldd   r25, Z + 1
  ldd   r22, Z + 2
  ldd   r23, Z + 3
  ldi   r18, 16
  ldi   r19, 0x57
1:lsr   r23
  ror   r22
  ror   r25
  ror   r24
  brcc  2f
  ori   r23, 0x80             /* taps 0x80000057; the top bit has just been emptied */
  eor   r24, r19
2:dec   r18
  brne  1b
  st    Z, r24
  std   Z + 1, r25
  std   Z + 2, r22
  std   Z + 3, r23
  ret
.size clock_draw, . - clock_draw

#endif
