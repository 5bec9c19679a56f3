"""Where models are run."""
