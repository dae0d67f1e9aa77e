... 9 lines
 * Algorithm  mec_ring: lowers the image along its width, row by row into a ring of rows
 * Workspace  360 bytes: int8_t lowered[6][5][3][4]
... 47 lines
