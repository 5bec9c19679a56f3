"""A chat as its page shows it, in as few queries as it has tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from design import markdown
from inference.catalog.models import Model
from inference.playground.models import Chat, Message, Vote

_LETTERS = "ABCD"


@dataclass(frozen=True, slots=True)
class Shown:
    """One message as the page shows it; ``label`` is who says it."""

    message: Message
    label: str
    html: SafeString
    # Whether tokens, times and price may be seen: they tell blind models apart.
    has_figures: bool

    @property
    def price_nano(self) -> int | None:
        """What it cost, in billionths of a dollar, as the ledger has it.

        Nothing where no call was admitted or nothing came; None until it is counted.
        """
        if self.message.usage is not None:
            return self.message.usage.price_nano
        return None if self.is_being_counted else 0

    @property
    def is_being_counted(self) -> bool:
        if self.message.is_ending:
            return True
        has_row = self.message.usage is not None
        has_come = bool(self.message.usage_id) and not self.message.is_empty
        return has_come and not has_row

    @property
    def is_refused(self) -> bool:
        return self.message.error_code in {"model_requires_plan", "insufficient_quota"}


@dataclass(frozen=True, slots=True)
class Step:
    """What stands beside one another: a question, or an answer from each column."""

    role: str
    number: int
    shown: list[Shown]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A chat with all its messages."""

    chat: Chat
    messages: list[Message]
    steps: list[Step]
    names: list[str]
    is_hidden: bool
    vote: Vote | None

    @property
    def last(self) -> Step | None:
        return self.steps[-1] if self.steps else None

    @property
    def is_underway(self) -> bool:
        return any(each.is_underway for each in self.messages)

    @property
    def is_waiting(self) -> bool:
        """Whether an answer is there to be fetched by the page that asked for it."""
        waiting = Message.State.WAITING
        return any(each.state == waiting and each.is_underway for each in self.messages)

    @property
    def is_to_vote_on(self) -> bool:
        """Whether every column of a blind comparison has brought something to judge."""
        if not self.is_hidden or self.last is None or not self.chat.is_comparison:
            return False
        return not any(
            each.message.is_underway or each.message.is_empty
            for each in self.last.shown
        )

    @property
    def pending(self) -> list[dict[str, Any]]:
        """The functions the last answer called and nobody has answered for."""
        if self.last is None or self.last.role != Message.Role.ASSISTANT:
            return []
        answer = self.last.shown[0].message
        return [] if self.chat.is_comparison or answer.is_underway else answer.calls

    @property
    def price_nano(self) -> int:
        """What its own answers cost so far, in billionths of a dollar."""
        return sum(
            each.usage.price_nano
            for each in self.messages
            if each.usage is not None and not each.is_copy
        )


def conversation(chat: Chat, models: Sequence[Model]) -> Conversation:
    """Return a chat with its messages, in three queries."""
    messages = list(chat.messages.select_related("usage").order_by("number", "column"))
    votes = list(Vote.objects.filter(chat=chat)[:1]) if chat.is_blind else []
    is_hidden = chat.is_blind and not votes
    titles = {model.slug: model.title for model in models}
    names = [
        _("Model %(letter)s") % {"letter": _LETTERS[column]}
        if is_hidden
        else titles.get(slug, slug)
        for column, slug in enumerate(chat.columns)
    ]
    steps = [
        Step(
            said[0].role,
            number,
            [_shown(each, titles, names, is_hidden) for each in said],
        )
        for number, group in groupby(messages, key=lambda each: each.number)
        if (said := list(group))
    ]
    return Conversation(
        chat, messages, steps, names, is_hidden, votes[0] if votes else None
    )


def _shown(
    message: Message, titles: dict[str, str], names: Sequence[str], is_hidden: bool
) -> Shown:
    html = SafeString("")
    label = ""
    if message.role == Message.Role.ASSISTANT:
        column = message.column or 0
        # With one column its model may have changed on the way.
        label = names[column] if is_hidden else titles.get(message.model, message.model)
        # What is still coming is shown as text, which more is appended to.
        if not message.is_underway:
            rendered = markdown.render(message.content, id_prefix=f"m{message.pk}")
            html = SafeString(rendered.html)
    return Shown(message, label, html, not is_hidden)
