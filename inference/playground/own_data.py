from collections.abc import Iterator, Mapping
from typing import Any

from accounts.models import User
from inference.playground.models import Message

# Rows fetched at once; each may be a long text.
CHUNK = 200


def chats(user: User) -> Iterator[Mapping[str, Any]]:
    """Yield what was said in a person's chats, by them and by the models."""
    said = Message.objects.filter(chat__owner=user).select_related("chat")
    for message in said.order_by("pk").iterator(chunk_size=CHUNK):
        yield {
            "chat": message.chat.public_id,
            "title": message.chat.title,
            "role": message.role,
            "model": message.model,
            "text": message.content,
            "at": message.seen_at,
        }
