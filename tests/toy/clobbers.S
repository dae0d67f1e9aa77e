/*
 * Restores all but one register, the input's first byte says which: none at 0. What 1, 2, ... stand
 * for is in tests/unit/test_registers.py.
 */
    .text
#if defined(__arm__)
    .syntax unified
    .thumb
    .balign 4
    .thumb_func
    .global toy
    .type toy, %function
    .macro clobber number, first, second=nop, third=nop
    cmp r3, #\number
    bne 1f
    \first
    \second
    \third
1:
    .endm
toy:
    ldrb r3, [r0]
    clobber 1, "adds r4, #1"
    clobber 2, "adds r5, #1"
    clobber 3, "adds r6, #1"
    clobber 4, "adds r7, #1"
    clobber 5, "mov r8, r3"
    clobber 6, "mov r9, r3"
    clobber 7, "mov r10, r3"
    clobber 8, "mov r11, r3"
    clobber 9, "sub sp, #8"
    clobber 10, "mov r4, r3", "mov r11, r3"
    clobber 11, "mrs r2, primask", "mvns r2, r2", "msr primask, r2"
#if __ARM_ARCH_ISA_THUMB > 1
    clobber 12, "msr basepri, r3"
    clobber 13, "cpsid f"
#endif
#ifdef __ARM_FP
    .irp number, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    clobber \number, "vmov s\number, r3"
    .endr
    clobber 32, "vmrs r2, fpscr", "orr r2, #0x400000", "vmsr fpscr, r2"
#endif
    bx lr
#elif defined(__riscv)
    .global toy
    .type toy, @function
    .macro clobber number, first, second=nop, third=nop
    li t1, \number
    bne t0, t1, 1f
    \first
    \second
    \third
1:
    .endm
    .option arch, +zicsr
toy:
    lbu t0, 0(a0)
    clobber 1, "mv gp, t0"
    clobber 2, "mv tp, t0"
    clobber 3, "addi sp, sp, -16"
    clobber 4, "mv s0, t0"
    clobber 5, "mv s1, t0"
    clobber 6, "csrrsi t2, mstatus, 8", "xori t2, t2, 8", "csrw mstatus, t2"
    clobber 7, "csrsi mie, 8"
#if !defined(__riscv_32e) && !defined(__riscv_e)
    .irp number, 10, 11
    clobber \number, "mv s\number, t0"
    .endr
    .irp number, 2, 3, 4, 5, 6, 7, 8, 9
    clobber 1\number, "mv s\number, t0"
    .endr
#endif
#ifdef __riscv_vector
    clobber 33, "csrwi vstart, 1"
#endif
#ifdef __riscv_flen
    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
    clobber 2\number, "fmv.w.x fs\number, t0"
    .endr
    clobber 30, "fmv.w.x fs10, t0"
    clobber 31, "fmv.w.x fs11, t0"
    clobber 32, "fsrmi 1"
#endif
    ret
#elif defined(__x86_64__)
    .globl toy
    .type toy, %function
    .macro clobber number, first, second=nop, third=nop
    cmp $\number, %eax
    jne 1f
    \first
    \second
    \third
1:
    .endm
toy:
    movzbl (%rdi), %eax
    clobber 1, "inc %rbx"
    clobber 2, "inc %rbp"
    clobber 3, "inc %r12"
    clobber 4, "inc %r13"
    clobber 5, "inc %r14"
    clobber 6, "inc %r15"
    clobber 7, "pop %rcx", "sub $8, %rsp", "jmp *%rcx"
    clobber 8, "std"
    clobber 9, "push $0x3f80", "ldmxcsr (%rsp)", "pop %rcx"
    clobber 10, "push $0x0b7f", "fldcw (%rsp)", "pop %rcx"
    ret
#endif
    .size toy, . - toy
#ifdef __x86_64__
    .section .note.GNU-stack, "", %progbits
#endif
