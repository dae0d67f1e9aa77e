/*
 * Runs the layer once for each input of input.bin, on a stack of its own inside the layer's
 * memory, and writes the outputs to output.bin and what was measured to run.txt.
 *
 * harness_config.h says where input, output and workspace lie in layer_arena. The gaps around
 * them are guard zones: filled before each call, compared after it.
 */
#include "harness.h"
#include "harness_config.h"

#include <string.h>

struct zone {
    size_t start;
    size_t end;
};

/* The guard zones, in the order of their addresses. */
static const struct zone guards[] = {HARNESS_GUARDS};
/* What a call may change: output and workspace, or the pool and the workspace. */
static const struct zone scratch[] = {HARNESS_SCRATCH};

#define GUARDS (sizeof guards / sizeof guards[0])
#define SCRATCH (sizeof scratch / sizeof scratch[0])
#define STACK_PAINT 0xC5u

__attribute__((section(".bss.layer_arena"), aligned(HARNESS_ARENA_ALIGN)))
uint8_t layer_arena[HARNESS_ARENA_BYTES];

static int report_file = -1;

static void print(const char *key, uint64_t value) {
    char line[64];
    size_t used = 0;
    while (key[used] != '\0') {
        line[used] = key[used];
        used++;
    }
    line[used++] = '=';
    line[used++] = '0';
    line[used++] = 'x';
    for (int shift = 60; shift >= 0; shift -= 4) {
        line[used++] = "0123456789abcdef"[(value >> shift) & 15u];
    }
    line[used++] = '\n';
    (void)port_write(report_file, line, used);
}

void harness_fault(uintptr_t pc, uintptr_t sp) {
    print("fault_pc", pc);
    print("fault_sp", sp);
    print("arena", (uintptr_t)layer_arena);
    port_exit(HARNESS_FAULT);
}

/* Differs from byte to byte, so that a copy of guard bytes to other guard bytes is seen. */
static uint8_t guard_byte(size_t offset) {
    return (uint8_t)(0xA7u + 29u * offset);
}

static void fill_guards(void) {
    for (size_t i = 0; i < GUARDS; i++) {
        for (size_t at = guards[i].start; at < guards[i].end; at++) {
            layer_arena[at] = guard_byte(at);
        }
    }
}

static void check_guards(void) {
    for (size_t i = 0; i < GUARDS; i++) {
        size_t first = guards[i].end;
        size_t last = 0;
        for (size_t at = guards[i].start; at < guards[i].end; at++) {
            if (layer_arena[at] != guard_byte(at)) {
                first = at < first ? at : first;
                last = at;
            }
        }
        if (first != guards[i].end) {
            print("guard", i);
            print("guard_first", first);
            print("guard_last", last);
            port_exit(HARNESS_GUARD_TOUCHED);
        }
    }
}

/* A reader of bytes it never wrote meets different ones in each call. */
static void fill_scratch(unsigned vector) {
    const int garbage = (vector & 1u) ? 0x5A : 0xA5;
    for (size_t i = 0; i < SCRATCH; i++) {
        (void)memset(layer_arena + scratch[i].start, garbage, scratch[i].end - scratch[i].start);
    }
}

static void paint_stack(void) {
    (void)memset(layer_arena + HARNESS_STACK_START, STACK_PAINT,
                 HARNESS_STACK_END - HARNESS_STACK_START);
}

static size_t stack_depth(void) {
    size_t at = HARNESS_STACK_START;
    while (at < HARNESS_STACK_END && layer_arena[at] == STACK_PAINT) {
        at++;
    }
    return HARNESS_STACK_END - at;
}

static int open_file(const char *name, bool write) {
    const int handle = port_open(name, write);
    if (handle < 0) {
        port_exit(HARNESS_NO_FILE);
    }
    return handle;
}

/* The input must be the same after the call: read it from the file a second time. */
static void check_input(int file) {
    uint8_t expected[1024];
    for (size_t done = 0; done < HARNESS_INPUT_BYTES;) {
        const size_t left = HARNESS_INPUT_BYTES - done;
        const size_t count = port_read(file, expected, left < 1024u ? left : 1024u);
        if (count == 0) {
            port_exit(HARNESS_NO_FILE);
        }
        for (size_t i = 0; i < count; i++) {
            if (layer_arena[HARNESS_INPUT_START + done + i] != expected[i]) {
                print("input_first", done + i);
                port_exit(HARNESS_INPUT_MODIFIED);
            }
        }
        done += count;
    }
}

static void empty(void) {
}

/* Never inlined: what is counted beside the function itself must not differ between calls. */
__attribute__((noinline)) static uint64_t measure(harness_entry *function) {
    void *const arguments[3] = {HARNESS_ARGUMENTS};
    counter_start();
    call_on_stack(function, arguments, layer_arena + HARNESS_STACK_END);
    return counter_read();
}

static void run_vectors(int input_file, int output_file) {
    const int input_again = open_file("input.bin", false);
    uint8_t *const input = layer_arena + HARNESS_INPUT_START;
    size_t most_heap_bytes = 0;
    for (unsigned vector = 0;; vector++) {
        fill_guards();
        fill_scratch(vector);
        const size_t count = port_read(input_file, input, HARNESS_INPUT_BYTES);
        if (count == 0) {
            break;
        }
        heap_bytes = 0;
        print("ticks", measure((harness_entry *)HARNESS_FUNCTION));
        most_heap_bytes = heap_bytes > most_heap_bytes ? heap_bytes : most_heap_bytes;
        check_guards();
        if (HARNESS_INPUT_PRESERVED) {
            check_input(input_again);
        }
        if (!port_write(output_file, layer_arena + HARNESS_OUTPUT_START, HARNESS_OUTPUT_BYTES)) {
            port_exit(HARNESS_NO_FILE);
        }
    }
    print("heap", most_heap_bytes);
}

int main(void) {
    port_start();
    report_file = open_file("run.txt", true);
    const int input_file = open_file("input.bin", false);
    const int output_file = open_file("output.bin", true);
    paint_stack();
    print("empty_ticks", measure(empty));
    /* Not nought where calling a function takes stack by itself, as on x86. */
    print("empty_stack", stack_depth());
    run_vectors(input_file, output_file);
    print("stack", stack_depth());
    return HARNESS_RAN;
}
