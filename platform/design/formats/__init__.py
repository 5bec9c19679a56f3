"""How numbers and dates are written, where Django has it otherwise."""
