/* One byte more in a CRC-16 (CCITT) on an AVR: the same as crc.c in 18 instructions.
 *
 * crc in r24:25, byte in r22. */
#if defined(__AVR__) && !defined(PLANARIA_NO_ASSEMBLY)

.section .text.link_crc, "ax", @progbits
.global link_crc
.type link_crc, @function
link_crc:
  eor   r22, r25              /* the low byte to be; the high one to be is r24 */
  mov   r23, r22
  swap  r23
  andi  r23, 0x0F
  eor   r22, r23
  mov   r25, r22
  swap  r25
  andi  r25, 0xF0
  eor   r25, r24
  ldi   r23, 32               /* times 32 is << 5 over both bytes */
  mul   r22, r23
  mov   r24, r22
  eor   r24, r0
  eor   r25, r1
  clr   r1
  ret
.size link_crc, . - link_crc

#endif
