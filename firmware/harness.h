/*
 * What the parts of the test firmware ask of each other. All their names begin with convgen_:
 * a layer may have any other.
 */
#ifndef CONVGEN_H_HARNESS
#define CONVGEN_H_HARNESS

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit status; harness.py holds the same table. */
enum convgen_status {
    CONVGEN_RAN = 0,
    CONVGEN_GUARD_TOUCHED = 2,
    CONVGEN_INPUT_MODIFIED = 3,
    CONVGEN_NOT_RESTORED = 4,
    CONVGEN_STRAY = 5, /* an emulator that looks on says so */
    CONVGEN_OUTPUT_VARIES = 6,
    CONVGEN_WRONG_VALUE = 7,
    CONVGEN_FAULT = 70,
    CONVGEN_NO_FILE = 71
};

/* Files and the end of the run: semihosting.c, linux.c or host.c. */
int convgen_port_open(const char *name, bool write); /* a handle, or -1 */
size_t convgen_port_read(int handle, void *to, size_t bytes); /* fewer only at the end */
bool convgen_port_write(int handle, const void *from, size_t bytes);
__attribute__((noreturn)) void convgen_port_exit(int status);
void convgen_port_start(void); /* what main must do first on this port */

/* Ticks since the start, which sets the counter to nought: a machine's counter_*.c. */
void convgen_counter_start(void);
uint64_t convgen_counter_read(void);

enum { CONVGEN_ARGUMENTS = 4 };

/* Calls function(arguments[0], arguments[1], ...) with its stack below stack_top; returns what it
   returns, which means nothing for one that returns nothing. */
typedef void convgen_entry(void);
uintptr_t convgen_call_on_stack(convgen_entry *function, void *const arguments[CONVGEN_ARGUMENTS], void *stack_top);

/* What the call must leave as it found it: values for the next call, and the names of what the
   last one did not restore, one after the other, NULL behind the last. `from` begins as 0. */
void convgen_registers_give(void);
const char *convgen_registers_lost(size_t *from);
extern bool convgen_is_privileged;

/* Bytes of the arena: the first, and the one after the last. */
struct convgen_zone {
    size_t start;
    size_t end;
};

struct convgen_zones {
    size_t count;
    const struct convgen_zone *zone;
};

/* The layer, its arguments and where they lie in the arena. */
struct convgen_layer {
    convgen_entry *function; /* where rows are handed in: takes one */
    void *arguments[CONVGEN_ARGUMENTS];
    convgen_entry *begin; /* called before the first row; NULL where inputs are there as a whole */
    size_t rows; /* of an input; 1 where they are there as a whole */
    size_t rows_used; /* from the last of them on each call says that the output is there */
    convgen_entry *init; /* called once before; NULL if there is none */
    void *init_arguments[CONVGEN_ARGUMENTS];
    uint8_t *arena;
    struct convgen_zone stack;
    struct convgen_zones inputs;
    struct convgen_zones outputs;
    bool inputs_are_preserved; /* not where outputs take their place in the pool */
    struct convgen_zones guards; /* in the order of their addresses */
    struct convgen_zones scratch; /* what a call may change: output, pool, workspace */
    struct convgen_zone kept; /* the workspace, where init fills it for all calls */
};

/* In layer_call.c, which is generated: the one source that knows the layer's name. */
extern const struct convgen_layer convgen_layer;

/* Bytes asked of malloc, calloc and realloc since it was last cleared. */
extern size_t convgen_heap_bytes;

/* Report a fault at the instruction pc (0: not known) and end the run. */
__attribute__((noreturn)) void convgen_report_fault(uintptr_t pc, uintptr_t sp);

int main(void);

#endif
