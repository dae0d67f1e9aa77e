/*
 * Calls many layers one after the other, each once for each of its inputs, with guard zones around
 * every buffer. A record of output.bin is a byte that says what was wrong with the call, and the
 * outputs. batch.py prints the table of layers.
 */
#include "batch.h"

#include <string.h>

enum { GUARD = 64, CLEAN = 0, TOUCHED = 1, INPUT_CHANGED = 2 };

__attribute__((section(".bss.convgen_arena"), aligned(64)))
static uint8_t arena[BATCH_ARENA_BYTES];
static uint8_t given[BATCH_INPUT_BYTES];

/* Where the buffers of a call begin in the arena; with a pool both tensors lie in it. */
struct places {
    size_t input, output, workspace, end;
};

/* The first place from `at` on that `align` divides and twice `align` does not: never better. */
static size_t place(size_t at, size_t align) {
    while (at % align != 0 || at % (2u * align) == 0) {
        at++;
    }
    return at;
}

static struct places arrange(const struct batch_layer *layer) {
    struct places places;
    const size_t first = place(GUARD, layer->tensor_align);
    size_t end;
    if (layer->pool_bytes != 0) {
        places.input = first + layer->input_offset;
        places.output = first + layer->output_offset;
        end = first + layer->pool_bytes;
    } else {
        places.input = first;
        places.output = place(first + layer->input_bytes + GUARD, layer->tensor_align);
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

static bool is_guard(const struct batch_layer *layer, struct places places, size_t at) {
    if (is_within(at, places.workspace, layer->workspace_bytes)) {
        return false;
    }
    if (layer->pool_bytes != 0) {
        return !is_within(at, places.input - layer->input_offset, layer->pool_bytes);
    }
    return !is_within(at, places.input, layer->input_bytes)
        && !is_within(at, places.output, layer->output_bytes);
}

static void call(const struct batch_layer *layer, batch_entry *entry, struct places places) {
    uint8_t *const workspace = layer->workspace_bytes != 0 ? arena + places.workspace : NULL;
    if (layer->pool_bytes != 0) {
        entry(arena + places.input - layer->input_offset, workspace, NULL);
    } else if (entry == layer->init) {
        entry(arena + places.input, workspace, NULL);
    } else {
        entry(arena + places.input, arena + places.output, workspace);
    }
}

/* Fills guards and what a call may change, with other bytes than before the last call. */
static void prepare(const struct batch_layer *layer, struct places places, unsigned number) {
    for (size_t at = 0; at < places.end; at++) {
        if (is_guard(layer, places, at)) {
            arena[at] = guard_byte(at);
        } else if (!layer->init || !is_within(at, places.workspace, layer->workspace_bytes)) {
            arena[at] = (number & 1u) != 0 ? 0x5A : 0xA5;
        }
    }
    memcpy(arena + places.input, given, layer->input_bytes);
}

static uint8_t verdict(const struct batch_layer *layer, struct places places) {
    for (size_t at = 0; at < places.end; at++) {
        if (is_guard(layer, places, at) && arena[at] != guard_byte(at)) {
            return TOUCHED;
        }
    }
    for (size_t i = 0; layer->keeps_input && i < layer->input_bytes; i++) {
        if (arena[places.input + i] != given[i]) {
            return INPUT_CHANGED;
        }
    }
    return CLEAN;
}

static void run(const struct batch_layer *layer, int input_file, int output_file) {
    const struct places places = arrange(layer);
    if (layer->init) {
        memset(arena, 0xA5, places.end);
        call(layer, layer->init, places);
    }
    for (unsigned number = 0; number < layer->inputs; number++) {
        (void)convgen_port_read(input_file, given, layer->input_bytes);
        prepare(layer, places, number);
        call(layer, layer->function, places);
        const uint8_t found = verdict(layer, places);
        (void)convgen_port_write(output_file, &found, 1);
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
    for (size_t i = 0; i < batch_count; i++) {
        run(&batch_layers[i], input_file, output_file);
    }
    return CONVGEN_RAN;
}
