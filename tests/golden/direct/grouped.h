... 56 lines
