... 9 lines
 * Algorithm  indirect_row: reads the input through pointers, set for each output row
 * Workspace  108 bytes: const int8_t *table[3][9]
... 47 lines
