"""How developers become customers, measured."""
