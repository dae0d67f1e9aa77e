"""An .onnx file as a graph: its operators become those that the reader of .tflite files knows."""
