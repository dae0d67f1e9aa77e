... 9 lines
 * Algorithm  mec_ring: lowers the image along its width, row by row into a ring of rows
... 48 lines
