/* Reset of a RISC-V chip: stack, cleared RAM, main. */
.section .vectors, "ax", @progbits
.global planaria_reset
.type planaria_reset, @function
planaria_reset:
  la    sp, planaria_stack_top
  la    a0, planaria_bss_start
  la    a1, planaria_bss_end
1:bgeu  a0, a1, 2f
  sb    zero, 0(a0)
  addi  a0, a0, 1
  j     1b
2:call  main
3:j     3b
.size planaria_reset, . - planaria_reset
