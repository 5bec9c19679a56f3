"""One index of everything a person may find."""
