... 59 lines
