/*
 * convgen_call_on_stack, as harness.h declares it; what must be the same after the call, in the
 * order of registers.c.
 */
    .bss
    .balign 8
kept_sp:
    .zero 8

    .text
    .globl convgen_call_on_stack
    .type convgen_call_on_stack, %function
convgen_call_on_stack:
#if defined(__x86_64__)
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
    sub $16, %rsp
    stmxcsr 0(%rsp)
    fnstcw 8(%rsp)
    mov %rsp, kept_sp(%rip)

    lea convgen_given(%rip), %rcx
    mov 0(%rcx), %rbx
    mov 8(%rcx), %rbp
    mov 16(%rcx), %r12
    mov 24(%rcx), %r13
    mov 32(%rcx), %r14
    mov 40(%rcx), %r15
    mov %rdx, 48(%rcx)
    pushf
    pop 56(%rcx)
    stmxcsr 64(%rcx)
    fnstcw 72(%rcx)

    mov %rdx, %rsp
    mov %rdi, %rax
    mov 0(%rsi), %rdi
    mov 16(%rsi), %rdx
    mov 24(%rsi), %rcx
    mov 8(%rsi), %rsi
    call *%rax

    lea convgen_found(%rip), %rcx
    mov %rbx, 0(%rcx)
    mov %rbp, 8(%rcx)
    mov %r12, 16(%rcx)
    mov %r13, 24(%rcx)
    mov %r14, 32(%rcx)
    mov %r15, 40(%rcx)
    mov %rsp, 48(%rcx)
    mov kept_sp(%rip), %rsp
    pushf
    pop 56(%rcx)
    cld
    stmxcsr 64(%rcx)
    fnstcw 72(%rcx)

    ldmxcsr 0(%rsp)
    fldcw 8(%rsp)
    add $16, %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    ret
#elif defined(__aarch64__)
    stp x29, x30, [sp, #-176]!
    stp x19, x20, [sp, #16]
    stp x21, x22, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x25, x26, [sp, #64]
    stp x27, x28, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mrs x9, fpcr
    str x9, [sp, #160]
    adrp x10, kept_sp
    mov x11, sp
    str x11, [x10, #:lo12:kept_sp]

    adrp x10, convgen_given
    add x10, x10, #:lo12:convgen_given
    ldp x19, x20, [x10, #0]
    ldp x21, x22, [x10, #16]
    ldp x23, x24, [x10, #32]
    ldp x25, x26, [x10, #48]
    ldp x27, x28, [x10, #64]
    ldr x29, [x10, #80]
    str x2, [x10, #88]
    ldp d8, d9, [x10, #96]
    ldp d10, d11, [x10, #112]
    ldp d12, d13, [x10, #128]
    ldp d14, d15, [x10, #144]
    str x9, [x10, #160]

    mov sp, x2
    mov x9, x0
    ldr x0, [x1, #0]
    ldr x2, [x1, #16]
    ldr x3, [x1, #24]
    ldr x1, [x1, #8]
    blr x9

    adrp x10, convgen_found
    add x10, x10, #:lo12:convgen_found
    stp x19, x20, [x10, #0]
    stp x21, x22, [x10, #16]
    stp x23, x24, [x10, #32]
    stp x25, x26, [x10, #48]
    stp x27, x28, [x10, #64]
    mov x11, sp
    stp x29, x11, [x10, #80]
    stp d8, d9, [x10, #96]
    stp d10, d11, [x10, #112]
    stp d12, d13, [x10, #128]
    stp d14, d15, [x10, #144]
    mrs x9, fpcr
    str x9, [x10, #160]

    adrp x10, kept_sp
    ldr x11, [x10, #:lo12:kept_sp]
    mov sp, x11
    ldr x9, [sp, #160]
    msr fpcr, x9
    ldp d14, d15, [sp, #144]
    ldp d12, d13, [sp, #128]
    ldp d10, d11, [sp, #112]
    ldp d8, d9, [sp, #96]
    ldp x27, x28, [sp, #80]
    ldp x25, x26, [sp, #64]
    ldp x23, x24, [sp, #48]
    ldp x21, x22, [sp, #32]
    ldp x19, x20, [sp, #16]
    ldp x29, x30, [sp], #176
    ret
#else
#error "The host target runs on x86-64 and AArch64: add this machine's call here, in host.c and in registers.c."
#endif
    .size convgen_call_on_stack, . - convgen_call_on_stack
    .section .note.GNU-stack, "", %progbits
