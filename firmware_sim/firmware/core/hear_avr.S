/* Hear one neighbour on an AVR: the same bytes as hear.c, in 560 cycles.
 *
 * core in r24:25, slot in r22, state in r20:21.  Layout of planaria_core: alpha_heard at 0, sobel at 17. */
#if defined(__AVR__) && !defined(PLANARIA_NO_ASSEMBLY)

#define SOBEL 17
#define ALPHA 3

.section .text.planaria_hear, "ax", @progbits
.global planaria_hear
.type planaria_hear, @function

.type planaria_coefficients, @object
planaria_coefficients: /* dx, dy by slot */
  .byte -1, -1, 0, -2, 1, -1, -2, 0, 2, 0, -1, 1, 0, 2, 1, 1
.size planaria_coefficients, . - planaria_coefficients

planaria_hear:
  lsl   r22
  ldi   r30, lo8(planaria_coefficients)
  ldi   r31, hi8(planaria_coefficients)
  add   r30, r22
  adc   r31, r1
  lpm   r18, Z+
  lpm   r19, Z
  movw  r26, r20              /* X: state */
  movw  r30, r24              /* Z: core */
  adiw  r26, ALPHA
  ld    r20, X
  sbiw  r26, ALPHA
  ld    r21, Z
  cp    r21, r20
  brge  1f
  st    Z, r20
1:ldi   r25, 16
2:ld    r20, X+
  muls  r20, r18
  ldd   r22, Z + SOBEL
  ldd   r23, Z + SOBEL + 1
  add   r22, r0
  adc   r23, r1
  std   Z + SOBEL, r22
  std   Z + SOBEL + 1, r23
  muls  r20, r19
  ldd   r22, Z + SOBEL + 32
  ldd   r23, Z + SOBEL + 33
  add   r22, r0
  adc   r23, r1
  std   Z + SOBEL + 32, r22
  std   Z + SOBEL + 33, r23
  adiw  r30, 2
  dec   r25
  brne  2b
  clr   r1
  ret
.size planaria_hear, . - planaria_hear

#endif
