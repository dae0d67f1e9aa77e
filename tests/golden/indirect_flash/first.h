... 8 lines
 * Activation relu: outputs from -128 to 127
 * Algorithm  indirect_flash: reads the input through a constant table of offsets
 * Workspace  none
... 45 lines
