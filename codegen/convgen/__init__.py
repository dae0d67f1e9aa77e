"""convgen: convolution layers as verified, measured C for microcontrollers."""

__version__ = "0.1.0"
