"""The default services of a bare machine, and what starts them."""
