"""Who follows, mutes and blocks whom, and how people are found."""
