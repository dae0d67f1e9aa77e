/*
 * convgen_call_on_stack, as harness.h declares it; what must be the same after the call, in the
 * order of registers.c.
 */
#if __riscv_xlen == 64
#define WORD 8
#define LOAD ld
#define STORE sd
#else
#define WORD 4
#define LOAD lw
#define STORE sw
#endif
#ifdef __riscv_flen
#if __riscv_flen == 64
#define FLOAD fld
#define FSTORE fsd
#define FLOATING_BYTES 8
#else
#define FLOAD flw
#define FSTORE fsw
#define FLOATING_BYTES WORD
#endif
#endif

/* `what` loads or stores word after word from `base` on, which ends behind the last. */
    .macro each what, base, registers:vararg
    .irp register, \registers
    \what \register, 0(\base)
    addi \base, \base, WORD
    .endr
    .endm

    .macro saved what, base
    each \what, \base, s0, s1
#if !defined(__riscv_32e) && !defined(__riscv_e)
    each \what, \base, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11
#endif
    .endm

#ifdef __riscv_flen
    .macro saved_floating what, base
    .irp register, fs0, fs1, fs2, fs3, fs4, fs5, fs6, fs7, fs8, fs9, fs10, fs11
    \what \register, 0(\base)
    addi \base, \base, FLOATING_BYTES
    .endr
    .endm
#endif

    .option arch, +zicsr
    .option norelax /* gp is not what a linker takes it for */
    .bss
    .balign 8
kept_sp:
    .zero 8
#ifdef __riscv_flen
kept_floating:
    .zero 12 * 8
#endif

    .text
    .global convgen_call_on_stack
    .global convgen_calls, convgen_returned
    .type convgen_call_on_stack, @function
convgen_call_on_stack:
    addi sp, sp, -16 * WORD
    mv t0, sp
    each STORE, t0, ra, gp, tp
    saved STORE, t0
    la t0, kept_sp
    STORE sp, 0(t0)
#ifdef __riscv_flen
    la t0, kept_floating
    saved_floating FSTORE, t0
#endif
    mv t2, a0
    la t1, convgen_given
    each LOAD, t1, gp, tp
    each STORE, t1, a2
    saved LOAD, t1
    la t0, convgen_is_privileged
    lbu t0, 0(t0)
    beqz t0, 1f
    LOAD t0, 0(t1)
    andi t0, t0, 8 /* mstatus.MIE */
    csrs mstatus, t0
    csrr t0, mstatus
    STORE t0, 0(t1)
    csrr t0, mie
    STORE t0, WORD(t1)
    csrr t0, mtvec
    STORE t0, 2 * WORD(t1)
1:
    addi t1, t1, 3 * WORD
#ifdef __riscv_flen
    csrr t0, frm
    each STORE, t1, t0
    saved_floating FLOAD, t1
#endif
#ifdef __riscv_vector
    LOAD t0, 0(t1) /* nothing is promised of rounding, of a length and of what lanes hold */
    andi t0, t0, 3
    csrw vxrm, t0
    vsetvli t0, zero, e8, m8, ta, ma
    .irp register, v0, v8, v16, v24
    vmv.v.i \register, -7
    .endr
    vsetivli zero, 1, e16, m1, tu, mu
    each STORE, t1, zero /* vstart */
#endif
    mv sp, a2
    LOAD a0, 0(a1)
    LOAD a2, 2 * WORD(a1)
    LOAD a3, 3 * WORD(a1)
    LOAD a1, WORD(a1)
convgen_calls:
    jalr t2
convgen_returned:
    la t1, convgen_found
    each STORE, t1, gp, tp, sp
    saved STORE, t1
    la t0, convgen_is_privileged
    lbu t0, 0(t0)
    beqz t0, 2f
    csrr t0, mstatus
    STORE t0, 0(t1)
    csrci mstatus, 8
    csrr t0, mie
    STORE t0, WORD(t1)
    csrr t0, mtvec
    STORE t0, 2 * WORD(t1)
2:
    addi t1, t1, 3 * WORD
#ifdef __riscv_flen
    csrr t0, frm
    each STORE, t1, t0
    saved_floating FSTORE, t1
    fsrmi 0
    la t0, kept_floating
    saved_floating FLOAD, t0
#endif
#ifdef __riscv_vector
    csrr t0, vstart
    csrw vstart, zero
    each STORE, t1, t0
#endif
    la t0, kept_sp
    LOAD sp, 0(t0)
    mv t0, sp
    each LOAD, t0, ra, gp, tp
    saved LOAD, t0
    addi sp, sp, 16 * WORD
    ret
    .size convgen_call_on_stack, . - convgen_call_on_stack
