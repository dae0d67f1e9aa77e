/*
 * Runs the layer once for each input of input.bin, on a stack of its own inside the layer's
 * memory, and writes the outputs to output.bin and what was measured to run.txt.
 *
 * The gaps around input, output and workspace are guard zones: filled before each call,
 * compared after it.
 */
#include "harness.h"

#include <string.h>

#ifndef CHUNK_BYTES /* compared at a time */
#define CHUNK_BYTES 1024u
#endif

enum paint { FIRST_PAINT = 0xC5, LAST_PAINT = 0x3A };

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

/* Other bytes in each call. */
static void fill_scratch(unsigned vector) {
    for (size_t i = 0; i < layer->scratch.count; i++) {
        fill(layer->scratch.zone[i], (vector & 1u) ? 0x5A : 0xA5);
    }
}

static size_t stack_depth(enum paint paint) {
    size_t at = layer->stack.start;
    while (at < layer->stack.end && layer->arena[at] == paint) {
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

/* Fills the tensors from the file; false at its end. */
static bool read_tensors(struct convgen_zones tensors, int file) {
    size_t count = 0;
    for (size_t i = 0; i < tensors.count; i++) {
        const struct convgen_zone zone = tensors.zone[i];
        count += convgen_port_read(file, layer->arena + zone.start, zone.end - zone.start);
    }
    return count != 0;
}

static void write_tensors(struct convgen_zones tensors, int file) {
    for (size_t i = 0; i < tensors.count; i++) {
        const struct convgen_zone zone = tensors.zone[i];
        if (!convgen_port_write(file, layer->arena + zone.start, zone.end - zone.start)) {
            convgen_port_exit(CONVGEN_NO_FILE);
        }
    }
}

/* The zone must hold what is next in the file; else `key` tells the first byte that differs,
   counted from `before` on. */
static void check_zone(struct convgen_zone zone, int file, const char *key, size_t before, int status) {
    uint8_t expected[CHUNK_BYTES];
    for (size_t at = zone.start; at < zone.end;) {
        const size_t left = zone.end - at;
        const size_t count = convgen_port_read(file, expected, left < CHUNK_BYTES ? left : CHUNK_BYTES);
        if (count == 0) {
            convgen_port_exit(CONVGEN_NO_FILE);
        }
        for (size_t i = 0; i < count; i++) {
            if (layer->arena[at + i] != expected[i]) {
                print(key, before + at + i - zone.start);
                convgen_port_exit(status);
            }
        }
        at += count;
    }
}

static void check_same(struct convgen_zones tensors, int file, const char *key, int status) {
    size_t before = 0;
    for (size_t i = 0; i < tensors.count; i++) {
        check_zone(tensors.zone[i], file, key, before, status);
        before += tensors.zone[i].end - tensors.zone[i].start;
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
__attribute__((noinline)) static uint64_t measure(
    convgen_entry *function, void *const arguments[CONVGEN_ARGUMENTS], uintptr_t *value) {
    convgen_registers_give();
    convgen_counter_start();
    const uintptr_t returned = convgen_call_on_stack(function, arguments, layer->arena + layer->stack.end);
    const uint64_t ticks = convgen_counter_read();
    *value = returned;
    return ticks;
}

/* Prints the ticks of the call as `key`; NULL: it is not measured. */
static uintptr_t call(convgen_entry *function, void *const arguments[CONVGEN_ARGUMENTS], const char *key) {
    uintptr_t value;
    if (key != NULL) {
        print(key, measure(function, arguments, &value));
    } else {
        convgen_registers_give();
        value = convgen_call_on_stack(function, arguments, layer->arena + layer->stack.end);
    }
    check_guards();
    check_registers();
    return value;
}

static void call_init(int byte, const char *key) {
    fill(layer->kept, byte);
    (void)call(layer->init, layer->init_arguments, key);
}

/* Who takes a row says whether the output is there. */
static void check_value(uintptr_t value, size_t row) {
    if ((int)value != (row + 1 >= layer->rows_used)) {
        print("row", row);
        print("returned", (uintptr_t)(int)value);
        convgen_port_exit(CONVGEN_WRONG_VALUE);
    }
}

/* One set of inputs, which is there, or its first row: each lies where the one before was. */
static void call_layer(int input_file, int input_again, const char *key) {
    if (layer->begin != NULL) {
        (void)call(layer->begin, layer->arguments, key);
    }
    for (size_t row = 0;;) {
        const uintptr_t value = call(layer->function, layer->arguments, key);
        if (layer->begin != NULL) {
            check_value(value, row);
        }
        if (layer->inputs_are_preserved) {
            check_same(layer->inputs, input_again, "input_first", CONVGEN_INPUT_MODIFIED);
        }
        if (++row == layer->rows) {
            break;
        }
        (void)read_tensors(layer->inputs, input_file);
    }
}

/*
 * A reader of bytes that it never wrote: the first input once more. Output, workspace and stack
 * hold the opposite of before.
 */
static void repeat_first(void) {
    const int input_file = open_file("input.bin", false);
    const int input_again = open_file("input.bin", false);
    const int output_file = open_file("output.bin", false);
    fill_guards();
    if (layer->init) {
        call_init(0x5A, NULL);
    }
    fill_scratch(1);
    (void)read_tensors(layer->inputs, input_file);
    call_layer(input_file, input_again, NULL);
    check_same(layer->outputs, output_file, "output_first", CONVGEN_OUTPUT_VARIES);
}

static void run_vectors(int input_file, int output_file) {
    const int input_again = open_file("input.bin", false);
    size_t most_heap_bytes = 0;
    fill_guards();
    if (layer->init) {
        call_init(0xA5, "init_ticks");
    }
    for (unsigned vector = 0;; vector++) {
        fill_guards();
        fill_scratch(vector);
        if (!read_tensors(layer->inputs, input_file)) {
            break;
        }
        convgen_heap_bytes = 0;
        call_layer(input_file, input_again, "ticks");
        if (convgen_heap_bytes > most_heap_bytes) {
            most_heap_bytes = convgen_heap_bytes;
        }
        write_tensors(layer->outputs, output_file);
    }
    print("heap", most_heap_bytes);
}

int main(void) {
    convgen_port_start();
    report_file = open_file("run.txt", true);
    const int input_file = open_file("input.bin", false);
    const int output_file = open_file("output.bin", true);
    fill(layer->stack, FIRST_PAINT);
    uintptr_t nothing;
    print("empty_ticks", measure(empty, layer->arguments, &nothing));
    /* Not nought where calling a function takes stack by itself, as on x86. */
    print("empty_stack", stack_depth(FIRST_PAINT));
    run_vectors(input_file, output_file);
    const size_t first_depth = stack_depth(FIRST_PAINT);
    fill(layer->stack, LAST_PAINT);
    repeat_first();
    const size_t last_depth = stack_depth(LAST_PAINT);
    print("stack", first_depth > last_depth ? first_depth : last_depth);
    return CONVGEN_RAN;
}
