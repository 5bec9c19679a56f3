"""``@ada`` as a link, if there is a user of that name."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from markdown_it.rules_core import StateCore
from markdown_it.token import Token

# Takes names in lower case; returns those that are people, each as it is written.
People = Callable[[Collection[str]], Mapping[str, str]]

_HAN = "\u4e00-\u9fff"
# All ideographs, kana, Hangul and Thai: letters no e-mail address is written in.
_UNSPACED = f"{_HAN}\u3005-\u3007\u3400-\u4dbf\uf900-\ufaff\U00020000-\U0003ffff"
_UNSPACED += "\u3041-\u30ff\uff66-\uff9f\u1100-\u11ff\uac00-\ud7a3\u0e01-\u0e5b"
# Chinese is written without blanks: a name may stand right after a character, and
# right before one. After a Latin letter it is an e-mail address.
_CALL = re.compile(
    rf"(?:(?<![\w@/.+-])|(?<=[{_UNSPACED}]))[@\uff20]([A-Za-z0-9_{_HAN}][A-Za-z0-9_{_HAN}-]*)"
)
# Where a name may end: not within a Latin word, nor before a hyphen that goes on.
_END = re.compile(rf"(?<=[{_HAN}])|(?=[{_HAN}])|$|(?=-+$)|(?=-+[{_HAN}])")
# The longest name the validator of user names lets through, as on GitHub.
_MAX_NAME = 39
# More calls in one text are a list of people, not a conversation.
_MAX_CALLS = 50


def link_mentions(state: StateCore) -> None:
    """Turn the names of people into links to them, outside of links and code."""
    people: People | None = state.env.get("people")
    if people is None:
        return
    lines = [token for token in state.tokens if token.type == "inline"]
    calls = [
        found[1][: _MAX_NAME + 1]
        for line in lines
        for child in _words(line.children or [])
        for found in _CALL.finditer(child.content)
    ][:_MAX_CALLS]
    if not calls:
        return
    known = people({name.lower() for call in calls for name in _names(call)})
    if not known:
        return
    for line in lines:
        line.children = list(_linked(line.children or [], known))


def _words(children: Sequence[Token]) -> Iterator[Token]:
    """Yield the text outside of links."""
    depth = 0
    for child in children:
        if child.type in {"link_open", "link_close"}:
            depth += child.nesting
        if child.type == "text" and not depth:
            yield child


def _names(call: str) -> Iterator[str]:
    """Yield what a call may mean, the longest first."""
    for end in reversed([found.start() for found in _END.finditer(call)]):
        if 1 < end <= _MAX_NAME:
            yield call[:end]


def _linked(children: Sequence[Token], known: Mapping[str, str]) -> Iterator[Token]:
    free = {id(child) for child in _words(children)}
    for child in children:
        if id(child) not in free:
            yield child
            continue
        position = 0
        for found in _CALL.finditer(child.content):
            call = found[1][: _MAX_NAME + 1]
            name = next((n for n in _names(call) if n.lower() in known), "")
            if not name:
                continue
            start, end = found.start(), found.start(1) + len(name)
            yield _text(child.content[position:start])
            username = known[name.lower()]
            opening = Token("link_open", "a", 1)
            opening.attrs = {"class": "mention", "href": f"/u/{username}/"}
            opening.meta = {"username": username}
            called = _text(child.content[start:end])
            yield from (opening, called, Token("link_close", "a", -1))
            position = end
        yield _text(child.content[position:])


def _text(content: str) -> Token:
    token = Token("text", "", 0)
    token.content = content
    return token
