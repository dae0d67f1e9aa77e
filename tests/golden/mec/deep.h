... 8 lines
 * Activation relu: outputs from -128 to 127
 * Algorithm  mec: lowers the image along its width; output rows share what is lowered
... 46 lines
