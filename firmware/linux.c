/* Start, files, faults and exit by Linux system calls, for QEMU's user mode. No C library. */
#include "harness.h"

/* System call numbers, and the byte offsets of pc and sp in the ucontext a handler gets. */
#if defined(__arm__)
enum { OPENAT = 322, READ = 3, WRITE = 4, EXIT_GROUP = 248, SIGALTSTACK = 186, SIGACTION = 174 };
enum { CONTEXT_PC = 92, CONTEXT_SP = 84 };
#elif defined(__riscv)
enum { OPENAT = 56, READ = 63, WRITE = 64, EXIT_GROUP = 94, SIGALTSTACK = 132, SIGACTION = 134 };
#if __riscv_xlen == 64
enum { CONTEXT_PC = 176, CONTEXT_SP = 192 };
#else
enum { CONTEXT_PC = 160, CONTEXT_SP = 168 };
#endif
#endif

enum { AT_FDCWD = -100, O_WRONLY_CREAT_TRUNC = 0x241, MODE_RW_R_R = 0x1A4 };
enum { SIGILL = 4, SIGTRAP = 5, SIGBUS = 7, SIGFPE = 8, SIGSEGV = 11 };
enum { SA_SIGINFO_ONSTACK = 0x08000004, SIGNAL_SET_BYTES = 8, SIGNAL_STACK_BYTES = 16384 };

void _start(void);

static intptr_t call4(intptr_t number, intptr_t a, intptr_t b, intptr_t c, intptr_t d) {
#if defined(__arm__)
    register intptr_t r7 __asm__("r7") = number;
    register intptr_t r0 __asm__("r0") = a;
    register intptr_t r1 __asm__("r1") = b;
    register intptr_t r2 __asm__("r2") = c;
    register intptr_t r3 __asm__("r3") = d;
    __asm__ volatile("svc 0" : "+r"(r0) : "r"(r7), "r"(r1), "r"(r2), "r"(r3) : "memory");
    return r0;
#elif defined(__riscv)
    register intptr_t a7 __asm__("a7") = number;
    register intptr_t a0 __asm__("a0") = a;
    register intptr_t a1 __asm__("a1") = b;
    register intptr_t a2 __asm__("a2") = c;
    register intptr_t a3 __asm__("a3") = d;
    __asm__ volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3) : "memory");
    return a0;
#endif
}

static void handle_signal(int signal, void *information, const char *context) {
    (void)signal;
    (void)information;
    convgen_report_fault(*(const uintptr_t *)(const void *)(context + CONTEXT_PC),
                         *(const uintptr_t *)(const void *)(context + CONTEXT_SP));
}

/* Faults get a stack of their own: the layer's may be what is broken. */
void convgen_port_start(void) {
    static uint8_t stack[SIGNAL_STACK_BYTES];
    static const struct {
        void *start;
        int flags;
        size_t bytes;
    } alternate = {stack, 0, sizeof stack};
    static const struct {
        void (*handler)(int, void *, const char *);
        unsigned long flags;
#if defined(__arm__)
        void *restorer;
#endif
        uint64_t __attribute__((packed, aligned(4))) mask;
    } action = {.handler = handle_signal, .flags = SA_SIGINFO_ONSTACK};
    static const int faults[] = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV};
    (void)call4(SIGALTSTACK, (intptr_t)&alternate, 0, 0, 0);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        (void)call4(SIGACTION, faults[i], (intptr_t)&action, 0, SIGNAL_SET_BYTES);
    }
}

int convgen_port_open(const char *name, bool write) {
    return (int)call4(OPENAT, AT_FDCWD, (intptr_t)name, write ? O_WRONLY_CREAT_TRUNC : 0,
                      MODE_RW_R_R);
}

static size_t transfer(intptr_t operation, int handle, intptr_t at, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        const intptr_t count = call4(operation, handle, at + (intptr_t)done,
                                     (intptr_t)(bytes - done), 0);
        if (count <= 0) {
            break;
        }
        done += (size_t)count;
    }
    return done;
}

size_t convgen_port_read(int handle, void *to, size_t bytes) {
    return transfer(READ, handle, (intptr_t)to, bytes);
}

bool convgen_port_write(int handle, const void *from, size_t bytes) {
    return transfer(WRITE, handle, (intptr_t)from, bytes) == bytes;
}

void convgen_port_exit(int status) {
    for (;;) {
        (void)call4(EXIT_GROUP, status, 0, 0, 0);
    }
}

void _start(void) {
    convgen_port_exit(main());
}
