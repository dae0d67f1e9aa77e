/*
 * Calls many layers one after the other, each once for each of its inputs and for the first once
 * more, on a stack of its own and with guard zones around it and every buffer. What is found is a
 * record of output.bin for each input, with the outputs behind. batch.py prints the table of layers
 * and reads the records.
 */
#include "batch.h"

#include <string.h>

enum { STACK_GUARD = 256, GUARD = 64, STACK_PAINT = 0xC5 };

enum verdict { CLEAN, TOUCHED, INPUT_CHANGED, NOT_RESTORED, ALLOCATED, OUTPUT_VARIES };

struct record {
    uint32_t verdict;
    uint32_t stack; /* bytes */
};

__attribute__((section(".bss.convgen_arena"), aligned(64)))
static uint8_t arena[BATCH_ARENA_BYTES];
static uint8_t given[BATCH_TENSOR_BYTES], first_output[BATCH_TENSOR_BYTES];

/* Where the buffers of a call begin in the arena; with a pool the tensors lie in it. */
struct places {
    size_t pool, input[BATCH_INPUTS], output, workspace, end;
};

static const size_t stack_start = STACK_GUARD, stack_end = STACK_GUARD + BATCH_STACK_BYTES;

/* The first place from `at` on that `align` divides and twice `align` does not: never better. */
static size_t place(size_t at, size_t align) {
    while (at % align != 0 || at % (2u * align) == 0) {
        at++;
    }
    return at;
}

static struct places arrange(const struct batch_layer *layer) {
    struct places places;
    size_t end = stack_end;
    places.pool = place(end + GUARD, layer->tensor_align);
    for (size_t i = 0; i < layer->inputs; i++) {
        places.input[i] = layer->pool_bytes != 0 ? places.pool + layer->input_offset[i]
                                                 : place(end + GUARD, layer->tensor_align);
        end = places.input[i] + layer->input_bytes[i];
    }
    if (layer->pool_bytes != 0) {
        places.output = places.pool + layer->output_offset;
        end = places.pool + layer->pool_bytes;
    } else {
        places.output = place(end + GUARD, layer->tensor_align);
        end = places.output + layer->output_bytes;
    }
    places.workspace = place(end + GUARD, layer->workspace_align);
    places.end = places.workspace + layer->workspace_bytes + GUARD;
    return places;
}

/* Differs from byte to byte, so that a copy of guard bytes to other guard bytes is seen. */
static uint8_t guard_byte(size_t offset) {
    return (uint8_t)(0xA7u + 29u * offset);
}

static bool is_within(size_t at, size_t start, size_t bytes) {
    return at >= start && at - start < bytes;
}

/* Of a byte that is not of the stack. */
static bool is_guard(const struct batch_layer *layer, struct places places, size_t at) {
    if (is_within(at, places.workspace, layer->workspace_bytes)) {
        return false;
    }
    if (layer->pool_bytes != 0) {
        return !is_within(at, places.pool, layer->pool_bytes);
    }
    for (size_t i = 0; i < layer->inputs; i++) {
        if (is_within(at, places.input[i], layer->input_bytes[i])) {
            return false;
        }
    }
    return !is_within(at, places.output, layer->output_bytes);
}

static size_t given_bytes(const struct batch_layer *layer) {
    size_t bytes = 0;
    for (size_t i = 0; i < layer->inputs; i++) {
        bytes += layer->input_bytes[i];
    }
    return bytes;
}

static void call(const struct batch_layer *layer, convgen_entry *entry, struct places places) {
    uint8_t *const workspace = layer->workspace_bytes != 0 ? arena + places.workspace : NULL;
    void *arguments[CONVGEN_ARGUMENTS] = {NULL};
    size_t count = 0;
    if (layer->pool_bytes != 0) {
        arguments[count++] = arena + places.pool;
    } else {
        for (size_t i = 0; i < layer->inputs; i++) {
            arguments[count++] = arena + places.input[i];
        }
        if (entry != layer->init) {
            arguments[count++] = arena + places.output;
        }
    }
    arguments[count] = workspace;
    convgen_registers_give();
    convgen_call_on_stack(entry, arguments, arena + stack_end);
}

static void paint_stack(void) {
    (void)memset(arena + stack_start, STACK_PAINT, BATCH_STACK_BYTES);
}

static size_t stack_depth(void) {
    size_t at = stack_start;
    while (at < stack_end && arena[at] == STACK_PAINT) {
        at++;
    }
    return stack_end - at;
}

static void empty(void) {
}

/* Not nought where calling a function takes stack by itself, as on x86. */
static size_t empty_depth(void) {
    void *const arguments[CONVGEN_ARGUMENTS] = {NULL};
    paint_stack();
    convgen_call_on_stack(empty, arguments, arena + stack_end);
    return stack_depth();
}

/* The next byte that is not of the stack. */
static size_t next(size_t at) {
    return at + 1 == stack_start ? stack_end : at + 1;
}

/* Fills guards and what a call may change, with `garbage`. */
static void prepare(const struct batch_layer *layer, struct places places, uint8_t garbage) {
    for (size_t at = 0; at < places.end; at = next(at)) {
        if (is_guard(layer, places, at)) {
            arena[at] = guard_byte(at);
        } else if (!layer->init || !is_within(at, places.workspace, layer->workspace_bytes)) {
            arena[at] = garbage;
        }
    }
    paint_stack();
    convgen_heap_bytes = 0;
    const uint8_t *from = given;
    for (size_t i = 0; i < layer->inputs; i++) {
        (void)memcpy(arena + places.input[i], from, layer->input_bytes[i]);
        from += layer->input_bytes[i];
    }
}

static bool holds_inputs(const struct batch_layer *layer, struct places places) {
    const uint8_t *from = given;
    for (size_t i = 0; i < layer->inputs; i++) {
        if (memcmp(arena + places.input[i], from, layer->input_bytes[i]) != 0) {
            return false;
        }
        from += layer->input_bytes[i];
    }
    return true;
}

static enum verdict verdict(const struct batch_layer *layer, struct places places) {
    size_t from = 0;
    if (convgen_registers_lost(&from) != NULL) {
        return NOT_RESTORED;
    }
    for (size_t at = 0; at < places.end; at = next(at)) {
        if (is_guard(layer, places, at) && arena[at] != guard_byte(at)) {
            return TOUCHED;
        }
    }
    if (layer->keeps_input && !holds_inputs(layer, places)) {
        return INPUT_CHANGED;
    }
    return convgen_heap_bytes != 0 ? ALLOCATED : CLEAN;
}

/* A reader of bytes that nobody wrote gives other outputs over other garbage. */
static enum verdict repeat(const struct batch_layer *layer, struct places places) {
    (void)memcpy(first_output, arena + places.output, layer->output_bytes);
    prepare(layer, places, 0x5A);
    call(layer, layer->function, places);
    const bool same = memcmp(arena + places.output, first_output, layer->output_bytes) == 0;
    return same ? verdict(layer, places) : OUTPUT_VARIES;
}

static void run(const struct batch_layer *layer, int input_file, int output_file, size_t empty) {
    const struct places places = arrange(layer);
    enum verdict of_init = CLEAN;
    if (layer->init) {
        (void)memset(arena + places.workspace, 0xA5, layer->workspace_bytes);
        prepare(layer, places, 0xA5);
        call(layer, layer->init, places);
        of_init = verdict(layer, places);
    }
    for (unsigned number = 0; number < layer->vectors; number++) {
        (void)convgen_port_read(input_file, given, given_bytes(layer));
        prepare(layer, places, 0xA5);
        call(layer, layer->function, places);
        enum verdict found = of_init != CLEAN ? of_init : verdict(layer, places);
        if (found == CLEAN && number == 0) {
            found = repeat(layer, places);
        }
        const struct record record = {(uint32_t)found, (uint32_t)(stack_depth() - empty)};
        (void)convgen_port_write(output_file, &record, sizeof record);
        (void)convgen_port_write(output_file, arena + places.output, layer->output_bytes);
    }
}

/* Which call it was is told by the records that are there. */
void convgen_report_fault(uintptr_t pc, uintptr_t sp) {
    (void)pc;
    (void)sp;
    convgen_port_exit(CONVGEN_FAULT);
}

int main(void) {
    convgen_port_start();
    const int input_file = convgen_port_open("input.bin", false);
    const int output_file = convgen_port_open("output.bin", true);
    const size_t empty = empty_depth();
    for (size_t i = 0; i < batch_count; i++) {
        run(&batch_layers[i], input_file, output_file, empty);
    }
    return CONVGEN_RAN;
}
