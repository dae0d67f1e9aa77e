... 9 lines
 * Algorithm  indirect_flash: reads the input through a constant table of offsets
... 46 lines
