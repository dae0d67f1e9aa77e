... 255 lines
