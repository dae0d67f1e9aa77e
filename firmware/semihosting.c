/* Files and exit through semihosting: the emulator does on its host what the guest asks. */
#include "harness.h"

enum operation { OPEN = 0x01, WRITE = 0x05, READ = 0x06, EXIT_EXTENDED = 0x20 };
enum open_mode { READ_BINARY = 1, WRITE_BINARY = 5 };

static intptr_t request(enum operation operation, uintptr_t *block) {
#if defined(__arm__)
    register intptr_t result __asm__("r0") = (intptr_t)operation;
    register uintptr_t *argument __asm__("r1") = block;
    __asm__ volatile("bkpt 0xAB" : "+r"(result) : "r"(argument) : "memory");
#else
    register intptr_t result __asm__("a0") = (intptr_t)operation;
    register uintptr_t *argument __asm__("a1") = block;
    /* Exactly these three, uncompressed and in one page, are a request. */
    __asm__ volatile(
        ".option push\n"
        ".option norvc\n"
        ".balign 16\n"
        "slli x0, x0, 0x1f\n"
        "ebreak\n"
        "srai x0, x0, 7\n"
        ".option pop\n"
        : "+r"(result) : "r"(argument) : "memory");
#endif
    return result;
}

void convgen_port_start(void) {
}

int convgen_port_open(const char *name, bool write) {
    uintptr_t length = 0;
    while (name[length] != '\0') {
        length++;
    }
    uintptr_t block[3] = {(uintptr_t)name, write ? WRITE_BINARY : READ_BINARY, length};
    return (int)request(OPEN, block);
}

/* READ and WRITE return the number of bytes they did not transfer. */
static size_t transfer(enum operation operation, int handle, uintptr_t at, size_t bytes) {
    size_t done = 0;
    while (done < bytes) {
        uintptr_t block[3] = {(uintptr_t)handle, at + done, bytes - done};
        const size_t left = (size_t)request(operation, block);
        if (left >= bytes - done) {
            break;
        }
        done = bytes - left;
    }
    return done;
}

size_t convgen_port_read(int handle, void *to, size_t bytes) {
    return transfer(READ, handle, (uintptr_t)to, bytes);
}

bool convgen_port_write(int handle, const void *from, size_t bytes) {
    return transfer(WRITE, handle, (uintptr_t)from, bytes) == bytes;
}

void convgen_port_exit(int status) {
    const uintptr_t application_exit = 0x20026;
    uintptr_t block[2] = {application_exit, (uintptr_t)status};
    for (;;) {
        (void)request(EXIT_EXTENDED, block); /* plain EXIT loses the status */
    }
}
