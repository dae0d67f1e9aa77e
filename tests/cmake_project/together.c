/* The same as main.c, with one buffer for all. */
#include "app_layers_shared.h"
#include "picture.h"
#include "start.h"

#include <string.h>

static int8_t between[CONV1_OUTPUT_BYTES];
static int8_t output[CONV2_OUTPUT_BYTES];
static _Alignas(APP_LAYERS_SHARED_ALIGN) uint8_t memory[APP_LAYERS_SHARED_BYTES];

int main(void) {
    conv1(picture, between, memory);
    conv2(between, output, memory);
    print_bytes(output, sizeof output);

    (void)memcpy(memory + DIGITS_INPUT_OFFSET, picture, DIGITS_INPUT_BYTES);
    digits(memory);
    print_bytes(memory + DIGITS_OUTPUT_OFFSET, DIGITS_OUTPUT_BYTES);
    return 0;
}
