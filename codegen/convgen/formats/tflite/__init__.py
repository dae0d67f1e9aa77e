"""From a .tflite file to a graph."""
