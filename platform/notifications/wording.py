"""What messages say when they are read: what they quote may have been changed."""

from collections.abc import Sequence

from notifications.models import Notification
from notifications.registry import wordings


def said_now(messages: Sequence[Notification]) -> None:
    """Let ``messages`` say what they would say if they were told now; none is saved.

    Each kind of thing they are about is asked once, in the language that is active.
    """
    for about, wording in wordings().items():
        asked = [each for each in messages if each.about_kind == about]
        words = wording(asked) if asked else {}
        for message in asked:
            if message.pk in words:
                message.title, message.body = words[message.pk]
                message.words = {}
