/* What the parts of the test firmware ask of each other. */
#ifndef CONVGEN_HARNESS_H
#define CONVGEN_HARNESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit status; emulator.py holds the same table. */
enum harness_status {
    HARNESS_RAN = 0,
    HARNESS_GUARD_TOUCHED = 2,
    HARNESS_INPUT_MODIFIED = 3,
    HARNESS_FAULT = 70,
    HARNESS_NO_FILE = 71
};

/* Files and the end of the run: semihosting.c, linux.c or host.c. */
int port_open(const char *name, bool write); /* a handle, or -1 */
size_t port_read(int handle, void *to, size_t bytes); /* bytes read, fewer only at the end */
bool port_write(int handle, const void *from, size_t bytes);
__attribute__((noreturn)) void port_exit(int status);
void port_start(void); /* what main must do before anything else on this port */

/* Ticks since counter_start, which restarts the counter at nought: a machine's counter_*.c. */
void counter_start(void);
uint64_t counter_read(void);

/* Calls function(arguments[0], arguments[1], arguments[2]) with its stack below stack_top. */
typedef void harness_entry(void);
void call_on_stack(harness_entry *function, void *const arguments[3], void *stack_top);

/* Bytes asked of malloc, calloc and realloc since it was last cleared. */
extern size_t heap_bytes;

/* Report a fault at the instruction pc (0: not known) and end the run. */
__attribute__((noreturn)) void harness_fault(uintptr_t pc, uintptr_t sp);

int main(void);

#endif
