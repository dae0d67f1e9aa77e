/*
 * Start and faults of a RISC-V core in machine mode. The emulator's ELF loader has filled
 * .data and cleared .bss, so nothing is copied here.
 */
    .option arch, +zicsr
    .data
    .global convgen_is_privileged
convgen_is_privileged:
    .byte 1

    .section .vectors, "ax"
    .global _start
_start:
    la sp, convgen_stack_top
    la t0, take_fault
    csrw mtvec, t0
#ifdef __riscv_flen
    li t0, 0x2000 /* mstatus.FS: floating point on */
    csrs mstatus, t0
#endif
#ifdef __riscv_vector
    li t0, 0x200 /* mstatus.VS: vectors on */
    csrs mstatus, t0
#endif
#ifndef CONVGEN_ON_BOARD /* of a chip the layer's memory is no multiple of this */
    /* No access to the 1 MiB below the layer's memory, so that a stack that overflows faults:
       PMP entry 0, naturally aligned power of two, locked (else machine mode ignores it). */
    la t0, convgen_layer_start
    li t1, 0x100000
    sub t0, t0, t1
    srli t0, t0, 2
    li t1, 0x1FFFF
    or t0, t0, t1
    csrw pmpaddr0, t0
    /* No writing to code and constants: entry 2, locked, up from what entry 1 holds. Whole pages:
       in others QEMU's semihosting finds no strings. */
    la t0, convgen_code_start
    srli t0, t0, 12
    slli t0, t0, 10
    csrw pmpaddr1, t0
    la t0, convgen_code_end + 0xFFF
    srli t0, t0, 12
    slli t0, t0, 10
    csrw pmpaddr2, t0
    li t0, 0x8D0098
    csrw pmpcfg0, t0
#endif
    call main
    call convgen_port_exit

    .balign 4
take_fault:
    csrr a0, mepc
    mv a1, sp
    la sp, convgen_stack_top /* the layer's stack may be what is broken */
    call convgen_report_fault
