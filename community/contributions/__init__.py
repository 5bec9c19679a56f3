"""Credit for work done on code and docs."""
