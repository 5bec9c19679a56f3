"""Who brings which nodes into the graph, and which events are a need."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from django.contrib.auth.models import AnonymousUser
from django.utils.functional import Promise

from accounts.models import User

Actor = User | AnonymousUser


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """One thing as its area knows it; ``key`` is unique among those of its kind.

    ``text`` and ``html`` are what it says: words of ``names`` found in the text of
    another thing are mentions, addresses in its HTML are links. ``subjects`` are what
    the activity log calls its page. ``part_of`` is the (kind, key) it answers,
    ``related`` those it has to do with by itself, ``demand`` how many organisations
    met it in the last 30 days. Only what everybody may read is brought.
    """

    key: str
    title_en: str
    title_zh: str = ""
    url: str = ""
    text: str = ""
    html: str = ""
    names: tuple[str, ...] = ()
    subjects: tuple[str, ...] = ()
    part_of: tuple[str, str] | None = None
    related: tuple[tuple[str, str], ...] = ()
    demand: int = 0


Read = Callable[[], Iterable[Known]]
Visible = Callable[[Actor, Iterable[str]], set[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeSource:
    """All nodes of one kind.

    ``explains`` says that its text can answer a question. ``visible`` says which keys
    an actor may see now, for what may be hidden after the graph was built.
    """

    kind: str
    label: Promise
    read: Read
    explains: bool = False
    visible: Visible | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """An event that says that a person needs more than they have.

    It is the event ``event``, with the property ``code`` where that is not empty, or a
    look at a page below ``path``. Of an event that names only an organisation it is
    the need of each member.
    """

    key: str
    label: Promise
    event: str
    code: str = ""
    path: str = ""


_sources: dict[str, NodeSource] = {}
_needs: dict[str, Need] = {}


def register(source: NodeSource) -> None:
    """Have the graph hold what ``source`` reads."""
    _sources[source.kind] = source


def register_need(need: Need) -> None:
    """Have the graph find what comes before a need."""
    _needs[need.key] = need


def sources() -> dict[str, NodeSource]:
    return dict(_sources)


def needs() -> dict[str, Need]:
    return dict(_needs)
