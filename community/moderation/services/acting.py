"""Doing the same to many topics or cases, and undoing it.

Each topic, and each case, is a transaction of its own: one that another moderator is at
does not hold up the others, and no two such acts wait for each other in a circle. What
was done to each is kept with how it was before.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from audit import services as audit
from community.forum import services as forum
from community.forum.models import Category, Topic
from community.forum.services.writing import MAX_TAGS
from community.moderation.exceptions import ActUndone
from community.moderation.models import Act, ActItem, Case
from community.moderation.services.cases import judge_case, reopen_case
from core.errors import DomainError

# Three pages of a list; each takes some hundredths of a second.
MOST_AT_ONCE = 100
Result = ActItem.Result


@dataclass(frozen=True, slots=True)
class _Way:
    """How one kind of act reads a topic, what it makes of it, and how it is set."""

    read: Callable[[Topic], Any]
    wanted: Callable[[Any, Act], Any]
    set: Callable[[Topic, Any, User, str], None]


def treat_topics(
    topics: Sequence[int], *, kind: str, by: User, reason: str = "", value: str = ""
) -> Act:
    """Do one thing to the topics of these keys, at most ``MOST_AT_ONCE``.

    ``value`` is the address of the category they are moved to, or the name of the tag
    they are given. Topics that are so already, or cannot be, are left and named.
    """
    act = _create(kind, by=by, reason=reason, value=value, count=len(topics))
    for pk in sorted(set(topics))[:MOST_AT_ONCE]:
        _record_item(act, topic_id=pk, do=partial(_change_topic, act, pk, by))
    return act


def judge_cases(cases: Sequence[int], *, outcome: str, by: User, note: str = "") -> Act:
    """Decide the cases of these keys alike, at most ``MOST_AT_ONCE``."""
    act = _create(outcome, by=by, reason=note, value="", count=len(cases))
    for pk in sorted(set(cases))[:MOST_AT_ONCE]:
        _record_item(act, case_id=pk, do=partial(_decide, act, pk, by))
    return act


def undo_act(act: Act, *, by: User) -> Act:
    """Put back what an act changed, where it is still as the act left it.

    Raises ``ActUndone``: of two who undo at once one does.
    """
    now = timezone.now()
    mine = Act.objects.filter(pk=act.pk, undone_at=None)
    with transaction.atomic():
        if not mine.update(undone_at=now, undone_by=by):
            raise ActUndone
        audit.record("act.undone", actor=by, target=f"act:{act.pk}")
    changed = act.items.filter(result=Result.CHANGED).order_by("pk")
    for item in list(changed):
        try:
            with transaction.atomic():
                is_back = _put_back(act, item, by)
                result, why = (Result.UNDONE if is_back else Result.KEPT), ""
                _close(item, result, why)
        except DomainError as error:
            _close(item, Result.KEPT, str(error))
    act.refresh_from_db()
    return act


@transaction.atomic
def _create(kind: str, *, by: User, reason: str, value: str, count: int) -> Act:
    act = Act.objects.create(kind=kind, by=by, reason=reason, value=value)
    audit.record(
        f"act.{kind}",
        actor=by,
        target=f"act:{act.pk}",
        after={"count": min(count, MOST_AT_ONCE), "value": value, "reason": reason},
    )
    return act


def _record_item(act: Act, *, do: Callable[[], tuple[Any, Any]], **target: int) -> None:
    """Do one thing of an act and write down how it was before and is now."""
    try:
        with transaction.atomic():
            before, after = do()
            result = Result.UNCHANGED if before == after else Result.CHANGED
            ActItem.objects.create(
                act=act, before=before, after=after, result=result, **target
            )
    except DomainError as error:
        ActItem.objects.create(
            act=act, result=Result.UNCHANGED, why=str(error)[:300], **target
        )


def _change_topic(act: Act, pk: int, by: User) -> tuple[Any, Any]:
    way = _WAYS[act.kind]
    topic = _locked(pk)
    before = way.read(topic)
    after = way.wanted(before, act)
    if before != after:
        way.set(topic, after, by, act.reason)
        # As it is now, which may be called otherwise: a tag has one spelling, and may
        # be another name of a tag. Undoing asks whether it is still so.
        after = way.read(Topic.objects.get(pk=pk))
    return before, after


def _decide(act: Act, pk: int, by: User) -> tuple[Any, Any]:
    case = Case.objects.get(pk=pk)
    judge_case(case, outcome=act.kind, by=by, note=act.reason)
    return "", act.kind


def _put_back(act: Act, item: ActItem, by: User) -> bool:
    """Return whether one item is as it was before the act."""
    if item.case is not None:
        if item.case.outcome != item.after:
            return False
        reopen_case(item.case, by=by)
        return True
    way = _WAYS[act.kind]
    assert item.topic_id is not None  # noqa: S101 - a constraint: one of the two
    topic = _locked(item.topic_id)
    if way.read(topic) != item.after:
        return False
    way.set(topic, item.before, by, "")
    return True


def _close(item: ActItem, result: str, why: str) -> None:
    ActItem.objects.filter(pk=item.pk).update(result=result, why=why[:300])


def _locked(pk: int) -> Topic:
    # Without its category: who moves it meanwhile would make the joined row vanish.
    return Topic.objects.select_for_update(no_key=True).get(pk=pk)


def _set_hidden(topic: Topic, is_hidden: bool, by: User, reason: str) -> None:
    opening = topic.posts.get(number=1)
    if is_hidden:
        forum.hide_post(opening, by=by, reason=reason)
    else:
        forum.restore_post(opening, by=by)


def _move(topic: Topic, pk: int, by: User, _reason: str) -> None:
    category = Category.objects.filter(pk=pk).first()
    if category is not None:
        forum.move_topic(topic, by=by, category=category)


def _tags(topic: Topic) -> list[str]:
    return sorted(topic.tags.values_list("name", flat=True))


def _with_tag(names: list[str], act: Act) -> list[str]:
    """Return the names with one more, where there is room and it is not there."""
    present = {name.lower() for name in names}
    if act.value.lower() in present or len(names) >= MAX_TAGS:
        return names
    return sorted([*names, act.value])


def _category_of(act: Act) -> int:
    return Category.objects.values_list("pk", flat=True).get(slug=act.value)


_LOCKING = _Way(
    read=lambda topic: topic.is_locked,
    wanted=lambda _before, act: act.kind == Act.Kind.LOCK,
    set=lambda topic, is_locked, by, _reason: forum.set_locked(
        topic, by=by, is_locked=is_locked
    ),
)
_HIDING = _Way(
    read=lambda topic: topic.hidden_at is not None,
    wanted=lambda _before, act: act.kind == Act.Kind.HIDE,
    set=_set_hidden,
)
_WAYS: dict[str, _Way] = {
    Act.Kind.LOCK: _LOCKING,
    Act.Kind.UNLOCK: _LOCKING,
    Act.Kind.HIDE: _HIDING,
    Act.Kind.RESTORE: _HIDING,
    Act.Kind.MOVE: _Way(
        read=lambda topic: topic.category_id,
        wanted=lambda _before, act: _category_of(act),
        set=_move,
    ),
    Act.Kind.TAG: _Way(
        read=_tags,
        wanted=_with_tag,
        set=lambda topic, names, by, _reason: forum.set_tags(topic, names, by=by),
    ),
}


def readable(keys: Iterable[int], *, by: User) -> list[int]:
    """Return those of the topics ``by`` may read, joined ones left out."""
    visible = Topic.objects.visible_to(by).filter(pk__in=list(keys))
    return list(visible.values_list("pk", flat=True))
