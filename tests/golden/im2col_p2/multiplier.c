... 53 lines
    const int64_t product = (int64_t)sum * multiplier__multiplier[channel];
... 20 lines
        const int32_t x0 = input[k * MULTIPLIER__TAP_STEP];
        const int32_t x1 = input[MULTIPLIER__PIXEL_PITCH + k * MULTIPLIER__TAP_STEP];
... 45 lines
/* 2 x 3 outputs of as many patches. */
... 11 lines
    multiplier__dot_2x3(sums, input, multiplier__weights + channel * MULTIPLIER__DEPTH, MULTIPLIER__DEPTH);
... 32 lines
            multiplier__block_2x3(input + group * MULTIPLIER__GROUP_PITCH, first, output);
... 74 lines
    multiplier__multiply(patches, 1, output);
}
