/*
 * Files and the end of the run through a debugger, for boards that have no semihosting: it stops at
 * convgen_debugger_stop, does what convgen_request asks for by reading and writing memory, puts
 * the result there and lets the board go on.
 */
#include "harness.h"

enum operation { OPEN = 1, READ = 2, WRITE = 3, EXIT = 4 };

struct request {
    uintptr_t operation;
    uintptr_t argument[3];
    uintptr_t result;
};

extern volatile struct request convgen_request;
volatile struct request convgen_request;

void convgen_debugger_stop(void);

__attribute__((noinline, used)) void convgen_debugger_stop(void) {
    __asm__ volatile("nop\n\tnop" ::: "memory");
}

static uintptr_t request(enum operation operation, uintptr_t first, uintptr_t second, uintptr_t third) {
    convgen_request.operation = operation;
    convgen_request.argument[0] = first;
    convgen_request.argument[1] = second;
    convgen_request.argument[2] = third;
    convgen_debugger_stop();
    return convgen_request.result;
}

void convgen_port_start(void) {
}

int convgen_port_open(const char *name, bool write) {
    return (int)request(OPEN, (uintptr_t)name, write, 0);
}

size_t convgen_port_read(int handle, void *to, size_t bytes) {
    return (size_t)request(READ, (uintptr_t)handle, (uintptr_t)to, bytes);
}

bool convgen_port_write(int handle, const void *from, size_t bytes) {
    return request(WRITE, (uintptr_t)handle, (uintptr_t)from, bytes) != 0;
}

void convgen_port_exit(int status) {
    for (;;) {
        (void)request(EXIT, (uintptr_t)status, 0, 0);
    }
}
