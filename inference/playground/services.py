"""What changes in a chat. Each function owns its transaction."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from accounts.models import Organisation, User
from contracts.inference import ModelsCompared
from inference.playground import ranking
from inference.playground.exceptions import (
    AlreadyVoted,
    ChatFull,
    NotToRetry,
    NotToVoteOn,
    NotYetRevealed,
    StillAnswering,
)
from inference.playground.models import (
    LOST_AFTER,
    TITLE_LENGTH,
    Chat,
    Message,
    Vote,
    new_share_token,
)
from outbox import publish

# Each page lays all of them out: a hundred answers take about half a second.
MOST_MESSAGES = 200
_UNTITLED = "…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a person sends: a text, or what the functions returned."""

    text: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    results: Sequence[Mapping[str, str]] = ()
    # Which form it was sent with; the same form is taken once.
    submission: str = ""


@transaction.atomic
def start_chat(
    prompt: Prompt,
    *,
    owner: User,
    organisation: Organisation,
    columns: Sequence[str],
    is_blind: bool = False,
) -> Chat:
    """Begin a chat with a question to each of ``columns``, the models' names.

    The order of a blind comparison is drawn here and kept. The same submission gives
    the same chat.
    """
    order = list(columns)
    if is_blind:
        secrets.SystemRandom().shuffle(order)
    values = {
        "organisation": organisation,
        "title": title_of(prompt.text),
        "columns": order,
        "is_blind": is_blind,
    }
    if prompt.submission:
        chat, is_new = Chat.objects.get_or_create(
            owner=owner, submission=prompt.submission, defaults=values
        )
    else:
        chat, is_new = Chat.objects.create(owner=owner, **values), True
    if is_new:
        _ask(chat, prompt, number=0)
    return chat


@transaction.atomic
def go_on(
    chat: Chat, prompt: Prompt, *, organisation: Organisation, model: str = ""
) -> Chat:
    """Ask the next question of a chat, of another model where it has only one column.

    The chat's row is locked, so that two tabs do not ask at once. Raises
    ``StillAnswering`` and ``ChatFull``.
    """
    chat = Chat.objects.select_for_update(of=("self",)).get(pk=chat.pk)
    if prompt.submission and chat.messages.filter(submission=prompt.submission).count():
        return chat
    last = list(chat.messages.order_by("-number")[: len(chat.columns)])
    if any(each.is_underway for each in last):
        raise StillAnswering
    number = last[0].number + 1 if last else 0
    if number + 1 >= MOST_MESSAGES:
        raise ChatFull
    if model and not chat.is_comparison:
        chat.columns = [model]
    chat.organisation = organisation
    _ask(chat, prompt, number=number)
    return chat


@transaction.atomic
def retry(chat: Chat, answer_id: int) -> None:
    """Have an answer that brought nothing asked for once more.

    Raises ``NotToRetry``: anything else has been paid for.
    """
    chat = Chat.objects.select_for_update(of=("self",)).get(pk=chat.pk)
    last = chat.messages.order_by("-number").values("number")[:1]
    answer = chat.messages.filter(pk=answer_id, number=last).first()
    if answer is None or not answer.is_empty or answer.is_underway:
        raise NotToRetry
    if answer.is_ending:
        raise NotToRetry
    if answer.role != Message.Role.ASSISTANT:
        raise NotToRetry
    answer.state = Message.State.WAITING
    answer.usage = None
    answer.error_code = answer.error_text = ""
    answer.seen_at = timezone.now()
    answer.save()


@transaction.atomic
def claim(chat: Chat) -> list[Message]:
    """Take the answers that wait as one's own to bring; nobody else gets them."""
    since = timezone.now() - LOST_AFTER
    waiting = chat.messages.filter(state=Message.State.WAITING, seen_at__gt=since)
    taken = list(waiting.select_for_update().order_by("pk"))
    for answer in taken:
        answer.state = Message.State.RUNNING
        answer.seen_at = timezone.now()
    Message.objects.bulk_update(taken, ["state", "seen_at"])
    return taken


def record_call(answer_id: int, request_id: str) -> None:
    """Write down which call brings an answer, before its first word."""
    Message.objects.filter(pk=answer_id).update(
        usage_id=request_id or None, seen_at=timezone.now()
    )


def record_progress(answer_id: int, text: str) -> bool:
    """Keep how far an answer has come; tell whether it is still wanted."""
    running = Message.objects.filter(pk=answer_id, state=Message.State.RUNNING)
    return bool(running.update(content=text, seen_at=timezone.now()))


def stop(chat: Chat) -> list[int]:
    """Want no more of the answers that are being written; return which those are.

    The process that brings them ends their calls and writes down what had come by then.
    """
    how = {"state": Message.State.STOPPED, "seen_at": timezone.now()}
    # Nobody brings what still waits: it has ended already. In this order, what is
    # claimed in between is found running.
    chat.messages.filter(state=Message.State.WAITING).update(**how, total_ms=0)
    running = chat.messages.filter(state=Message.State.RUNNING)
    stopped = list(running.values_list("pk", flat=True))
    running.filter(pk__in=stopped).update(**how, total_ms=None)
    return stopped


@dataclass(slots=True, kw_only=True)
class Ended:
    """How an answer ended. Times in milliseconds."""

    state: str
    text: str
    calls: list[dict[str, Any]]
    error_code: str = ""
    error_text: str = ""
    first_token_ms: int | None = None
    total_ms: int = 0


def finish(answer_id: int, ended: Ended) -> None:
    """Keep an answer as it ended, whole or not."""
    Message.objects.filter(pk=answer_id).update(
        state=ended.state,
        content=ended.text,
        calls_text=json.dumps({"calls": ended.calls}) if ended.calls else "",
        error_code=ended.error_code[:60],
        error_text=ended.error_text[:1000],
        first_token_ms=ended.first_token_ms,
        total_ms=ended.total_ms,
        seen_at=timezone.now(),
    )


def rename(chat: Chat, title: str) -> None:
    """Give a chat another title; an empty one is that of its first question."""
    if not title.strip():
        first = chat.messages.order_by("number").first()
        title = first.content if first else ""
    Chat.objects.filter(pk=chat.pk).update(title=title_of(title))


def delete(chat: Chat) -> None:
    """Delete a chat and all that was said in it; what it cost stays in the ledger."""
    Chat.objects.filter(pk=chat.pk).delete()


def share(chat: Chat, sharing: str, *, organisation: Organisation | None) -> None:
    """Let others read a chat, or nobody any more.

    A link that was withdrawn never opens again: sharing anew makes another one.
    """
    has_link = sharing in {Chat.Sharing.LINK, Chat.Sharing.PUBLIC}
    is_of_team = sharing == Chat.Sharing.ORGANISATION
    Chat.objects.filter(pk=chat.pk).update(
        sharing=sharing,
        share_token=(chat.share_token or new_share_token()) if has_link else None,
        shared_with=organisation if is_of_team else None,
    )


@transaction.atomic
def fork(
    chat: Chat, *, at: Message, by: User, organisation: Organisation | None
) -> Chat:
    """Return a new chat of ``by`` that goes on from one message of another.

    From an answer on it is a chat with that answer's model. From a question on it
    holds what was said before, and the question is there to be sent again. Nothing is
    charged: what was said is copied. Raises ``NotYetRevealed``.
    """
    if is_hidden(chat):
        raise NotYetRevealed
    said = list(chat.messages.order_by("number", "column"))
    is_question = at.column is None
    # A question before anything was answered: the columns stay as they were.
    kept = [
        each
        for each in said
        if each.number < at.number
        or (not is_question and each.number == at.number and each.pk == at.pk)
    ]
    if not is_question:
        kept = [each for each in kept if each.column in (None, at.column)]
    asked = [each for each in said if each.column is None and each.number <= at.number]
    settings = {**chat.settings, "prompt": at.content if is_question else ""}
    if asked:
        settings["parameters"] = asked[-1].parameters
    made = Chat.objects.create(
        owner=by,
        organisation=organisation,
        title=chat.title,
        columns=chat.columns if is_question else [at.model],
        settings_text=json.dumps(settings),
        forked_from=chat,
    )
    Message.objects.bulk_create([_copied(each, made, is_question) for each in kept])
    return made


@transaction.atomic
def vote(chat: Chat, choice: str, *, by: User) -> Vote:
    """Say which answer of a blind comparison was better, and so have them named.

    ``choice`` is a column's number, "tie" or "bad". Raises ``NotToVoteOn`` and
    ``AlreadyVoted``.
    """
    answers = list(
        chat.messages.filter(role=Message.Role.ASSISTANT).order_by("number", "column")
    )
    last = answers[-len(chat.columns) :]
    is_whole = len(last) == len(chat.columns) and not any(
        each.is_underway or each.is_empty for each in last
    )
    if not (chat.is_blind and chat.is_comparison and is_whole):
        raise NotToVoteOn
    verdict = choice if choice in {Vote.Verdict.TIE, Vote.Verdict.BAD} else "win"
    try:
        with transaction.atomic():
            made = Vote.objects.create(
                chat=chat,
                voter=by,
                columns=chat.columns,
                winner=chat.columns[int(choice)] if verdict == "win" else "",
                verdict=verdict,
                language=ranking.language_of(_questions(chat)),
                is_counted=_is_blind_indeed(chat, answers),
            )
    except IntegrityError as error:
        raise AlreadyVoted from error
    publish(
        ModelsCompared(
            user_id=by.pk,
            organisation_id=chat.organisation_id,
            models=",".join(chat.columns),
            winner=made.winner,
            verdict=verdict,
        )
    )
    return made


def is_hidden(chat: Chat) -> bool:
    """Tell whether a chat's models must not be named yet."""
    return chat.is_blind and not Vote.objects.filter(chat=chat).exists()


def title_of(text: str) -> str:
    """Return the first line of a text, as the title of its chat."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), _UNTITLED)
    return line if len(line) <= TITLE_LENGTH else f"{line[: TITLE_LENGTH - 1]}…"


def _ask(chat: Chat, prompt: Prompt, *, number: int) -> None:
    """Write a question down, and an answer to wait for in each column."""
    parameters = dict(prompt.parameters)
    asked = Message(
        chat=chat,
        number=number,
        role=Message.Role.USER,
        content=prompt.text,
        parameters_text=json.dumps(parameters),
        submission=prompt.submission,
    )
    if prompt.results:
        asked.role = Message.Role.TOOL
        asked.column = 0
        asked.calls_text = json.dumps({"results": list(prompt.results)})
    answers = [
        Message(
            chat=chat,
            number=number + 1,
            column=column,
            role=Message.Role.ASSISTANT,
            state=Message.State.WAITING,
            model=model,
        )
        for column, model in enumerate(chat.columns)
    ]
    Message.objects.bulk_create([asked, *answers])
    chat.settings_text = json.dumps({"parameters": parameters})
    chat.updated_at = timezone.now()
    chat.save(update_fields=["columns", "organisation", "settings_text", "updated_at"])


def _copied(message: Message, chat: Chat, keeps_columns: bool) -> Message:
    column = message.column
    if column is not None and not keeps_columns:
        column = 0
    return Message(
        chat=chat,
        number=message.number,
        column=column,
        role=message.role,
        state=Message.State.STOPPED if message.is_stopped else message.state,
        model=message.model,
        content=message.content,
        calls_text=message.calls_text,
        parameters_text=message.parameters_text,
        error_code=message.error_code,
        error_text=message.error_text,
        usage_id=message.usage_id,
        first_token_ms=message.first_token_ms,
        total_ms=message.total_ms,
        is_copy=True,
    )


def _questions(chat: Chat) -> str:
    asked = chat.messages.filter(role=Message.Role.USER)
    return "\n".join(each.content for each in asked)


def _is_blind_indeed(chat: Chat, answers: Sequence[Message]) -> bool:
    """Whether no answer gave its model away, and all of them were whole."""
    are_whole = all(each.state == Message.State.DONE for each in answers)
    said = [
        "\n".join(each.content for each in answers if each.column == column)
        for column in range(len(chat.columns))
    ]
    return are_whole and not ranking.gives_itself_away(said, chat.columns)
