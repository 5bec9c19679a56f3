"""The ways a transcript can say no."""


class TranscriptMissing(Exception):
    """No transcript of this call is kept for this organisation, or not any more."""
