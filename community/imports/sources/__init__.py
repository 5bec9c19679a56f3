"""Reading what other forums give out, each in a file of its own."""
