... 55 lines
