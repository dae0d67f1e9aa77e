/* convgen_call_on_stack, as harness.h declares it */
    .text
    .globl convgen_call_on_stack
    .type convgen_call_on_stack, %function
convgen_call_on_stack:
#if defined(__x86_64__)
    push %rbx
    mov %rsp, %rbx
    mov %rdx, %rsp
    mov %rdi, %rax
    mov 0(%rsi), %rdi
    mov 16(%rsi), %rdx
    mov 8(%rsi), %rsi
    call *%rax
    mov %rbx, %rsp
    pop %rbx
    ret
#elif defined(__aarch64__)
    stp x19, x30, [sp, #-16]!
    mov x19, sp
    mov sp, x2
    mov x3, x0
    ldr x0, [x1, #0]
    ldr x2, [x1, #16]
    ldr x1, [x1, #8]
    blr x3
    mov sp, x19
    ldp x19, x30, [sp], #16
    ret
#else
#error "The host target runs on x86-64 and AArch64: add this machine's call here and in host.c."
#endif
    .size convgen_call_on_stack, . - convgen_call_on_stack
    .section .note.GNU-stack, "", %progbits
