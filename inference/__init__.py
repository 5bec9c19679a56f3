"""The bridge: models behind one API."""
