"""What a deployment needs beside its address and its key: ``Deployment.options``.

Every option is named here, so that what can be said of a deployment can be said in the
browser.
"""

from collections.abc import Mapping
from typing import Any

# One of these words; the first is what goes without saying and is not kept.
WORDS = {
    # Where its key is sent.
    "key_header": ("authorization", "x-api-key"),
    # What it calls the longest answer; found out when it is tried.
    "max_tokens_field": ("max_tokens", "max_completion_tokens"),
    # Whether prompts that begin alike are kept at one place.
    "affinity": ("", "prefix"),
    # What its own count of tokens is read from, every night.
    "sums": ("", "metrics"),
}
# A list of words; ``None`` takes any.
LISTS: dict[str, tuple[str, ...] | None] = {
    # The roads beside a chat's that it has itself.
    "speaks": ("messages", "responses"),
    # Fields beside the protocol's that it may be sent.
    "accepts": None,
}
# What the product writes about what it runs itself.
OWN = ("scope", "served_here")


def chosen(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return every option that can be chosen, as it is or as it usually is."""
    usual = {name: words[0] for name, words in WORDS.items()}
    return {
        name: options.get(name, value)
        for name, value in {**usual, **{name: [] for name in LISTS}}.items()
    }


def merged(options: Mapping[str, Any], choice: Mapping[str, Any]) -> dict[str, Any]:
    """Return options with ``choice`` in the place of what they had."""
    usual = chosen({})
    return {
        name: value
        for name, value in {**options, **choice}.items()
        if name in OWN or value != usual.get(name)
    }


def wrong_option(options: Mapping[str, Any]) -> str | None:
    """Return the name of an option that nobody reads, or that has no such value."""
    return next(
        (name for name, value in options.items() if not _is_right(name, value)), None
    )


def _is_right(name: str, value: Any) -> bool:
    if name in LISTS:
        known = LISTS[name]
        return isinstance(value, list) and all(
            isinstance(word, str) and (known is None or word in known) for word in value
        )
    return name in OWN or value in WORDS.get(name, ())
