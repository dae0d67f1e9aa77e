... 69 lines
