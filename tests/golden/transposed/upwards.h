/*
 * upwards: transposed convolution
 *
 * Layer      transposed_conv2d, int8, 3,240 MACs
... 2 lines
 * Kernel     3 x 3, stride 2 x 2
 * Padding    of outputs, left out: 0 top, 0 left
 * Activation none: outputs from -128 to 127
 * Algorithm  transposed: gathers what the input adds to each output, phase by phase: no workspace
... 45 lines
