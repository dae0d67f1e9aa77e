/* Files, faults and exit on a POSIX machine. */
#define _GNU_SOURCE /* the names of registers in a signal's context */
#include "harness.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/types.h>
#include <ucontext.h>
#include <unistd.h>

static void handle_signal(int signal, siginfo_t *information, void *context) {
    (void)signal;
    (void)information;
    const mcontext_t *const machine = &((const ucontext_t *)context)->uc_mcontext;
#if defined(__x86_64__)
    convgen_report_fault((uintptr_t)machine->gregs[REG_RIP], (uintptr_t)machine->gregs[REG_RSP]);
#elif defined(__aarch64__)
    convgen_report_fault((uintptr_t)machine->pc, (uintptr_t)machine->sp);
#endif
}

/* Faults get a stack of their own: the layer's may be what is broken. */
void convgen_port_start(void) {
    static uint8_t stack[65536];
    static const int faults[] = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV};
    const stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
    action.sa_sigaction = handle_signal;
    (void)sigaltstack(&alternate, NULL);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        (void)sigaction(faults[i], &action, NULL);
    }
}

int convgen_port_open(const char *name, bool write) {
    return open(name, write ? O_WRONLY | O_CREAT | O_TRUNC : O_RDONLY, 0644);
}

size_t convgen_port_read(int handle, void *to, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        const ssize_t count = read(handle, (uint8_t *)to + done, bytes - done);
        if (count <= 0) {
            break;
        }
        done += (size_t)count;
    }
    return done;
}

bool convgen_port_write(int handle, const void *from, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        const ssize_t count = write(handle, (const uint8_t *)from + done, bytes - done);
        if (count <= 0) {
            return false;
        }
        done += (size_t)count;
    }
    return true;
}

void convgen_port_exit(int status) {
    _exit(status);
}
