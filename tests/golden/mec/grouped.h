... 8 lines
 * Activation none: outputs from -128 to 127
 * Algorithm  mec: lowers the image along its width; output rows share what is lowered
 * Workspace  648 bytes: int8_t lowered[6][9][3][4]
 * Constants  108 bytes
... 45 lines
