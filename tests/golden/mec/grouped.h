... 9 lines
 * Algorithm  mec: lowers the image along its width; output rows share what is lowered
 * Workspace  648 bytes: int8_t lowered[6][9][3][4]
... 46 lines
