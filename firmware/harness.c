/*
 * Runs the layer once for each input of input.bin, on a stack of its own inside the layer's
 * memory, and writes the outputs to output.bin and what was measured to run.txt.
 *
 * The gaps around input, output and workspace are guard zones: filled before each call,
 * compared after it.
 */
#include "harness.h"

#include <string.h>

#define STACK_PAINT 0xC5u

static const struct convgen_layer *const layer = &convgen_layer;
static int report_file = -1;

static size_t append(char *line, size_t used, const char *text) {
    for (; *text != '\0'; text++) {
        line[used++] = *text;
    }
    return used;
}

static void print(const char *key, uint64_t value) {
    char line[64];
    size_t used = append(line, 0, key);
    line[used++] = '=';
    line[used++] = '0';
    line[used++] = 'x';
    for (int shift = 60; shift >= 0; shift -= 4) {
        line[used++] = "0123456789abcdef"[(value >> shift) & 15u];
    }
    line[used++] = '\n';
    (void)convgen_port_write(report_file, line, used);
}

void convgen_report_fault(uintptr_t pc, uintptr_t sp) {
    print("fault_pc", pc);
    print("fault_sp", sp);
    print("arena", (uintptr_t)layer->arena);
    convgen_port_exit(CONVGEN_FAULT);
}

static void fill(struct convgen_zone zone, int byte) {
    (void)memset(layer->arena + zone.start, byte, zone.end - zone.start);
}

/* Differs from byte to byte, so that a copy of guard bytes to other guard bytes is seen. */
static uint8_t guard_byte(size_t offset) {
    return (uint8_t)(0xA7u + 29u * offset);
}

static void fill_guards(void) {
    for (size_t i = 0; i < layer->guards.count; i++) {
        const struct convgen_zone guard = layer->guards.zone[i];
        for (size_t at = guard.start; at < guard.end; at++) {
            layer->arena[at] = guard_byte(at);
        }
    }
}

static void check_guards(void) {
    for (size_t i = 0; i < layer->guards.count; i++) {
        const struct convgen_zone guard = layer->guards.zone[i];
        size_t first = guard.end;
        size_t last = 0;
        for (size_t at = guard.start; at < guard.end; at++) {
            if (layer->arena[at] != guard_byte(at)) {
                first = at < first ? at : first;
                last = at;
            }
        }
        if (first != guard.end) {
            print("guard", i);
            print("guard_first", first);
            print("guard_last", last);
            convgen_port_exit(CONVGEN_GUARD_TOUCHED);
        }
    }
}

/* A reader of bytes it never wrote meets different ones in each call. */
static void fill_scratch(unsigned vector) {
    for (size_t i = 0; i < layer->scratch.count; i++) {
        fill(layer->scratch.zone[i], (vector & 1u) ? 0x5A : 0xA5);
    }
}

static void paint_stack(void) {
    fill(layer->stack, STACK_PAINT);
}

static size_t stack_depth(void) {
    size_t at = layer->stack.start;
    while (at < layer->stack.end && layer->arena[at] == STACK_PAINT) {
        at++;
    }
    return layer->stack.end - at;
}

static int open_file(const char *name, bool write) {
    const int handle = convgen_port_open(name, write);
    if (handle < 0) {
        convgen_port_exit(CONVGEN_NO_FILE);
    }
    return handle;
}

/* The input must be the same after the call: read it from the file a second time. */
static void check_input(int file) {
    uint8_t expected[1024];
    for (size_t at = layer->input.start; at < layer->input.end;) {
        const size_t left = layer->input.end - at;
        const size_t count = convgen_port_read(file, expected, left < 1024u ? left : 1024u);
        if (count == 0) {
            convgen_port_exit(CONVGEN_NO_FILE);
        }
        for (size_t i = 0; i < count; i++) {
            if (layer->arena[at + i] != expected[i]) {
                print("input_first", at + i - layer->input.start);
                convgen_port_exit(CONVGEN_INPUT_MODIFIED);
            }
        }
        at += count;
    }
}

static void check_registers(void) {
    size_t from = 0;
    const char *name = convgen_registers_lost(&from);
    if (name == NULL) {
        return;
    }
    for (; name != NULL; name = convgen_registers_lost(&from)) {
        char key[32];
        key[append(key, append(key, 0, "lost_"), name)] = '\0';
        print(key, from);
    }
    convgen_port_exit(CONVGEN_NOT_RESTORED);
}

static void empty(void) {
}

/* Never inlined: what is counted beside the function itself must not differ between calls. */
__attribute__((noinline)) static uint64_t measure(convgen_entry *function, void *const arguments[3]) {
    convgen_registers_give();
    convgen_counter_start();
    convgen_call_on_stack(function, arguments, layer->arena + layer->stack.end);
    return convgen_counter_read();
}

static void call_init(void) {
    fill(layer->kept, 0xA5);
    fill_guards();
    print("init_ticks", measure(layer->init, layer->init_arguments));
    check_guards();
    check_registers();
}

static void run_vectors(int input_file, int output_file) {
    const int input_again = open_file("input.bin", false);
    const struct convgen_zone input = layer->input;
    const struct convgen_zone output = layer->output;
    size_t most_heap_bytes = 0;
    if (layer->init) {
        call_init();
    }
    for (unsigned vector = 0;; vector++) {
        fill_guards();
        fill_scratch(vector);
        if (!convgen_port_read(input_file, layer->arena + input.start, input.end - input.start)) {
            break;
        }
        convgen_heap_bytes = 0;
        print("ticks", measure(layer->function, layer->arguments));
        if (convgen_heap_bytes > most_heap_bytes) {
            most_heap_bytes = convgen_heap_bytes;
        }
        check_guards();
        check_registers();
        if (layer->input_is_preserved) {
            check_input(input_again);
        }
        if (!convgen_port_write(output_file, layer->arena + output.start,
                                output.end - output.start)) {
            convgen_port_exit(CONVGEN_NO_FILE);
        }
    }
    print("heap", most_heap_bytes);
}

int main(void) {
    convgen_port_start();
    report_file = open_file("run.txt", true);
    const int input_file = open_file("input.bin", false);
    const int output_file = open_file("output.bin", true);
    paint_stack();
    print("empty_ticks", measure(empty, layer->arguments));
    /* Not nought where calling a function takes stack by itself, as on x86. */
    print("empty_stack", stack_depth());
    run_vectors(input_file, output_file);
    print("stack", stack_depth());
    return CONVGEN_RAN;
}
