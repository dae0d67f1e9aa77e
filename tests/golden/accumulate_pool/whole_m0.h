... 57 lines
