/* Vector table and reset of a Cortex-M0: clears the RAM and calls main.  A fault stops the cell: silence means death. */
.syntax unified
.cpu cortex-m0
.thumb

.section .vectors, "a", %progbits
  .word planaria_stack_top
  .word planaria_reset + 1
  .word planaria_stop + 1 /* NMI */
  .word planaria_stop + 1 /* HardFault */

.section .text.planaria_reset, "ax", %progbits
.global planaria_reset
.type planaria_reset, %function
planaria_reset:
  ldr   r0, =planaria_bss_start
  ldr   r1, =planaria_bss_end
  movs  r2, #0
1:cmp   r0, r1
  bhs   2f
  strb  r2, [r0]
  adds  r0, r0, #1
  b     1b
2:bl    main
.type planaria_stop, %function
.global planaria_stop
planaria_stop:
  b     planaria_stop
