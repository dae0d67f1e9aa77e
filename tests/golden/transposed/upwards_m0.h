... 53 lines
