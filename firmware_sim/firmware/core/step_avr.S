/* One update on an AVR: the same bytes as step.c, units.c, first.c, second.c and output.c, smaller and faster.
 *
 * The first layer's sums are 24 bits wide, which no weights can overflow; a negative 16-bit product is sign-extended by
 * subtracting the carry that mulsu and muls leave behind.  Built with PLANARIA_FAST, loops are unrolled and three output
 * sums live in registers: more flash, fewer cycles.
 *
 *   r0,r1    product                    r16      weight
 *   r2-r10   output sums (fast)         r17,r18  input low, high; later any
 *   r8,r9    bias (not fast)            r19-r21  sum of the first layer; then the hidden value in r19
 *   r11      left shift of the biases   r22      zero
 *   r12,r13  genome; alive threshold    r23      loop counter
 *   r14      units left, 0 is 256
 *   r15      right shift of a sum       r24,r25  sum of the hidden values
 *   Y        walks the core             X        half step of the first layer
 *   Z        walks the genome
 *
 * Layout of planaria_core: alpha_heard at 0, own at 1, sobel at 17, sums at 81, end at 129. */
#if defined(__AVR__) && !defined(PLANARIA_NO_ASSEMBLY)

#define OWN 1
#define SUMS 81
#define ALPHA 3

#if defined(PLANARIA_FAST)
#define OWN_AT_ONCE 8
#define SOBEL_AT_ONCE 16
#define SUMS_IN_REGISTERS 3
#define SUMS_AT_ONCE 12 /* one more goes before the loop: 16 = 3 + 1 + 12 */
#define SUMS_LOOPS 1
#else
#define OWN_AT_ONCE 2
#define SOBEL_AT_ONCE 4
#define SUMS_IN_REGISTERS 0
#define SUMS_AT_ONCE 2
#define SUMS_LOOPS 8
#endif

.section .text.planaria_step, "ax", @progbits
.global planaria_step
.type planaria_step, @function

/* one weight of the second layer onto a sum in memory */
.macro add_sum
  lpm   r16, Z+
  ld    r17, Y
  ldd   r18, Y + 1
  ldd   r20, Y + 2
  mulsu r16, r19
  sbc   r20, r22
  add   r17, r0
  adc   r18, r1
  adc   r20, r22
  st    Y+, r17
  st    Y+, r18
  st    Y+, r20
.endm

/* and onto one in registers */
.macro add_register low, mid, high
  lpm   r16, Z+
  mulsu r16, r19
  sbc   \high, r22
  add   \low, r0
  adc   \mid, r1
  adc   \high, r22
.endm

/* Back to the head of a loop, however long its unrolled body. */
.macro again head
  dec   r23
#if defined(PLANARIA_FAST)
  breq  9f
  rjmp  \head
9:
#else
  brne  \head
#endif
.endm

.type planaria_alive, @function
/* Answers (signed less) whether the threshold is below an alpha. */
planaria_alive:
  ld    r18, Y
  ldd   r19, Y + OWN + ALPHA
  cp    r18, r19
  brge  1f
  mov   r18, r19
1:cp    r13, r18
  ret
.size planaria_alive, . - planaria_alive

planaria_step:
  movw  r28, r24
  movw  r30, r22
  adiw  r30, 4
  lpm   r14, Z+
  adiw  r30, 4
  lpm   r15, Z+
  lpm   r13, Z+
  adiw  r30, 1
  lpm   r20, Z+                 /* flags */
  lpm   r11, Z+
  adiw  r30, 2
  rcall planaria_alive
  brlt  .Llives
  rjmp  .Ldead
.Llives:
  movw  r12, r22                /* the genome, for the output's scale */
  clr   r22

  movw  r26, r28                /* the sums begin at b2 */
  subi  r26, lo8(-SUMS)
  sbci  r27, hi8(-SUMS)
  ldi   r23, 16
1:lpm   r0, Z+
  lpm   r1, Z+
  st    X+, r0
  st    X+, r1
  lsl   r1
  sbc   r0, r0
  st    X+, r0
  dec   r23
  brne  1b

#if SUMS_IN_REGISTERS
  sbiw  r26, 48
  .irp i, 2, 3, 4, 5, 6, 7, 8, 9, 10
  ld    \i, X+
  .endr
#endif

  adiw  r28, OWN                /* half step: 4 * sum(own) + (sum(sobel) >> 1) */
  clr   r24
  clr   r25
  movw  r26, r24
  sbrs  r20, 0
  rjmp  .Lunit
  ldi   r23, 16
1:ld    r0, Y+
  mov   r1, r0
  lsl   r1
  sbc   r1, r1
  add   r26, r0
  adc   r27, r1
  dec   r23
  brne  1b
  lsl   r26
  rol   r27
  lsl   r26
  rol   r27
  ldi   r23, 32
2:ld    r0, Y+
  ld    r1, Y+
  add   r24, r0
  adc   r25, r1
  dec   r23
  brne  2b
  asr   r25
  ror   r24
  add   r26, r24
  adc   r27, r25
  clr   r24
  clr   r25
  subi  r28, 80
  sbc   r29, r22

.Lunit:                         /* Y: own, Z: the unit */
#if SUMS_IN_REGISTERS
  adiw  r30, 2                  /* its bias is read afterwards */
#else
  lpm   r8, Z+
  lpm   r9, Z+
#endif
  clr   r19
  clr   r20
  clr   r21
  ldi   r23, 16 / OWN_AT_ONCE
.Lown:
  .rept OWN_AT_ONCE
  lpm   r16, Z+
  ld    r17, Y+
  muls  r16, r17
  sbc   r21, r22
  add   r19, r0
  adc   r20, r1
  adc   r21, r22
  .endr
  dec   r23
  brne  .Lown
  .rept 3                       /* states count eight times, as a Sobel kernel's weights do */
  lsl   r19
  rol   r20
  rol   r21
  .endr
  ldi   r23, 32 / SOBEL_AT_ONCE
.Lsobel:
  .rept SOBEL_AT_ONCE
  lpm   r16, Z+
  ld    r17, Y+
  ld    r18, Y+
  mulsu r16, r17
  sbc   r21, r22
  add   r19, r0
  adc   r20, r1
  adc   r21, r22
  muls  r16, r18
  add   r20, r0
  adc   r21, r1
  .endr
  again .Lsobel

  add   r19, r26
  adc   r20, r27
  adc   r21, r22
  sbrc  r27, 7
  dec   r21
  mov   r18, r21                /* from here 32 bits: r18:r21:r20:r19 */
  lsl   r18
  sbc   r18, r18
#if SUMS_IN_REGISTERS
  sbiw  r30, 50                 /* the bias, shifted left */
  lpm   r16, Z+
  lpm   r17, Z+
  adiw  r30, 48
#else
  movw  r16, r8                 /* the bias, shifted left */
#endif
  mov   r0, r17
  lsl   r0
  sbc   r0, r0
  mov   r1, r0
  mov   r23, r11
  rjmp  2f
1:lsl   r16
  rol   r17
  rol   r0
  rol   r1
2:dec   r23
  brpl  1b
  add   r19, r16
  adc   r20, r17
  adc   r21, r0
  adc   r18, r1
  brpl  .Lpositive
.Lnothing:                      /* a hidden unit at zero adds nothing */
  adiw  r30, 16
  subi  r28, 80
  sbc   r29, r22
  rjmp  .Lnext

.Lpositive:
  mov   r23, r15                /* shift right: by a byte, and on or back from there */
  subi  r23, 8
  brcc  2f
  or    r21, r18                /* a sum this large saturates; and nothing is lost on the left */
  brne  5f
1:lsl   r19
  rol   r20
  rol   r21
  inc   r23
  brne  1b
2:mov   r19, r20
  mov   r20, r21
  mov   r21, r18
  clr   r18
  rjmp  4f
3:lsr   r18
  ror   r21
  ror   r20
  ror   r19
4:dec   r23
  brpl  3b
  or    r20, r21
  or    r20, r18
  breq  6f
5:ldi   r19, 255
6:tst   r19
  breq  .Lnothing

  add   r24, r19                /* Y: sums */
  adc   r25, r22
#if SUMS_IN_REGISTERS
  add_register r2, r3, r4
  add_register r5, r6, r7
  add_register r8, r9, r10
  adiw  r28, 9
  add_sum
#endif
  ldi   r23, SUMS_LOOPS
.Lsums:
  .rept SUMS_AT_ONCE
  add_sum
  .endr
  again .Lsums
  subi  r28, 128                /* from the end to own */
  sbc   r29, r22
.Lnext:
  dec   r14
  breq  .Loutput
  rjmp  .Lunit

.Loutput:                       /* Y: own */
  movw  r26, r28
  subi  r26, lo8(OWN - SUMS)
  sbci  r27, hi8(OWN - SUMS)
#if SUMS_IN_REGISTERS
  .irp i, 2, 3, 4, 5, 6, 7, 8, 9, 10
  st    X+, \i
  .endr
  sbiw  r26, 9
#endif
  movw  r30, r12
  adiw  r30, 6
  lpm   r20, Z+                 /* M */
  lpm   r21, Z+
  adiw  r30, 2
  lpm   r13, Z+                 /* alive threshold */
  lpm   r12, Z+                 /* S */
  lpm   r0, Z                   /* flags */
  dec   r12
  lsr   r25                     /* half step of the second layer */
  ror   r24
  sbrs  r0, 1
  clr   r24
  sbrs  r0, 1
  clr   r25
  ldi   r30, 16
.Lchannel:
  ld    r17, X+
  ld    r18, X+
  ld    r19, X+
  add   r17, r24
  adc   r18, r25
  adc   r19, r22
  mul   r17, r20                /* r23:r16:r15:r14 = sum * M */
  movw  r14, r0
  mulsu r19, r20
  mov   r16, r0
  mov   r23, r1
  mul   r18, r20
  add   r15, r0
  adc   r16, r1
  adc   r23, r22
  mul   r17, r21
  add   r15, r0
  adc   r16, r1
  adc   r23, r22
  mul   r18, r21
  add   r16, r0
  adc   r23, r1
  mulsu r19, r21
  add   r23, r0
  mov   r31, r12                /* ((sum * M >> (S - 1)) + 1) >> 1 rounds to nearest */
  rjmp  2f
1:asr   r23
  ror   r16
  ror   r15
  ror   r14
2:dec   r31
  brpl  1b
  sec
  adc   r14, r22
  adc   r15, r22
  adc   r16, r22
  adc   r23, r22
  asr   r23
  ror   r16
  ror   r15
  ror   r14
  ld    r17, Y                  /* plus own */
  mov   r0, r17
  lsl   r0
  sbc   r0, r0
  add   r17, r14
  adc   r15, r0
  adc   r16, r0
  adc   r23, r0
  mov   r0, r17                 /* saturate: the upper bytes must be the sign of the lowest */
  lsl   r0
  sbc   r0, r0
  cp    r15, r0
  cpc   r16, r0
  brne  3f
  cp    r23, r0
  breq  4f
3:ldi   r17, 127
  sbrc  r23, 7
  ldi   r17, -127
4:cpi   r17, -128
  brne  5f
  inc   r17
5:st    Y+, r17
  dec   r30
  breq  6f
  rjmp  .Lchannel

6:sbiw  r28, OWN + 16
  rcall planaria_alive
  brlt  .Lend
.Ldead:
  clr   r22
  ldi   r23, 16
1:adiw  r28, 1
  st    Y, r22
  dec   r23
  brne  1b
.Lend:
  clr   r1
  ret
.size planaria_step, . - planaria_step

#endif
