/*
 * upwards: transposed convolution
 *
 * Layer      transposed_conv2d, int8, 3,240 MACs
... 3 lines
 * Algorithm  transposed: gathers what the input adds to each output, phase by phase: no workspace
... 45 lines
