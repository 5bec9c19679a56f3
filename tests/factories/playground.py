"""Chats as they are once their answers have come, without calling anybody."""

from collections.abc import Sequence
from typing import Any

from accounts.models import User
from accounts.queries import personal_organisation
from inference.playground import services
from inference.playground.models import Chat, Message
from inference.playground.services import Ended, Prompt


def chat(
    owner: User,
    text: str = "Say hello.",
    *,
    columns: Sequence[str] = ("tiny",),
    answers: Sequence[str] = (),
    **fields: Any,
) -> Chat:
    """Make a chat that was answered; ``fields`` go to ``start_chat``."""
    parameters = fields.pop("parameters", {})
    made = services.start_chat(
        Prompt(text=text, parameters=parameters),
        owner=owner,
        organisation=fields.pop("organisation", None) or personal_organisation(owner),
        columns=columns,
        **fields,
    )
    answered(made, *answers)
    return made


def answered(chat: Chat, *texts: str) -> list[Message]:
    """Bring what waits in a chat: one text for each column."""
    taken = services.claim(chat)
    for message in taken:
        column = message.column or 0
        text = texts[column] if texts else f"Hello from {column}."
        ended = Ended(state=Message.State.DONE, text=text, calls=[], total_ms=7)
        services.finish(message.pk, ended)
    return list(chat.messages.order_by("number", "column"))
