"""Credit: what may be used beyond a plan, where it came from and where it went."""
