... 9 lines
 * Algorithm  mec: lowers the image along its width; output rows share what is lowered
... 46 lines
