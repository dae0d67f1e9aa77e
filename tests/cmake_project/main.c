/* Two layers one after the other, and the whole model, of the same picture of a digit. */
#include "conv1.h"
#include "conv2.h"
#include "digits.h"
#include "picture.h"
#include "start.h"

#include <string.h>

static int8_t between[CONV1_OUTPUT_BYTES];
static int8_t output[CONV2_OUTPUT_BYTES];
static _Alignas(8) uint8_t arena[DIGITS_ARENA_BYTES];
static _Alignas(8) uint8_t workspace[CONV1_WORKSPACE_BYTES + CONV2_WORKSPACE_BYTES + 1u];

int main(void) {
    conv1(picture, between, workspace);
    conv2(between, output, workspace);
    print_bytes(output, sizeof output);

    (void)memcpy(arena + DIGITS_INPUT_OFFSET, picture, DIGITS_INPUT_BYTES);
    digits(arena);
    print_bytes(arena + DIGITS_OUTPUT_OFFSET, DIGITS_OUTPUT_BYTES);
    return 0;
}
