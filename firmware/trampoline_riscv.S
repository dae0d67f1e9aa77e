/* convgen_call_on_stack, as harness.h declares it */
#if __riscv_xlen == 64
#define WORD 8
#define LOAD ld
#define STORE sd
#else
#define WORD 4
#define LOAD lw
#define STORE sw
#endif
    .text
    .global convgen_call_on_stack
    .type convgen_call_on_stack, @function
convgen_call_on_stack:
    addi sp, sp, -16
    STORE ra, 0(sp)
    STORE s0, WORD(sp)
    mv s0, sp
    mv sp, a2
    mv t0, a0
    LOAD a0, 0(a1)
    LOAD a2, 2 * WORD(a1)
    LOAD a1, WORD(a1)
    jalr t0
    mv sp, s0
    LOAD ra, 0(sp)
    LOAD s0, WORD(sp)
    addi sp, sp, 16
    ret
    .size convgen_call_on_stack, . - convgen_call_on_stack
