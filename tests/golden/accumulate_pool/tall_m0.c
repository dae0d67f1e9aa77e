... 79 lines
