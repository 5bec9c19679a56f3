"""The ways a stored response can say no."""


class ResponseMissing(Exception):
    """No such response is kept for this organisation, or not any more."""

    def __init__(self, response_id: str) -> None:
        super().__init__(response_id)
        self.response_id = response_id


class ResponseUnfinished(Exception):
    """A response that is still written cannot be gone on from."""


class ConversationTooLong(Exception):
    """More turns, or more bytes, than are put together for one request."""


class StorageOff(Exception):
    """The organisation has turned storage off meanwhile."""
