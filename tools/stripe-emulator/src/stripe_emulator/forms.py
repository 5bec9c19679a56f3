"""Stripe's form encoding: ``items[0][price]=…`` to nested dictionaries."""

import re
from typing import Any
from urllib.parse import parse_qsl

from stripe_emulator.errors import InvalidParameter

KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
PART = re.compile(r"\[([^\[\]]*)\]")
MAX_FIELDS = 2000
MAX_DEPTH = 12


def decode(encoded: str) -> dict[str, Any]:
    """Nest the pairs of a form body or a query string.

    Arrays stay dictionaries with numeric keys: only the contract knows whether
    ``metadata[0]`` is an element or a name, see ``params.check``.
    """
    try:
        pairs = parse_qsl(
            encoded, keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise InvalidParameter("Invalid request body.") from error
    tree: dict[str, Any] = {}
    for key, value in pairs:
        match = KEY.match(key)
        if match is None:
            raise InvalidParameter(f"Invalid parameter name: {key}", param=key)
        path = [match[1], *PART.findall(match[2])]
        if len(path) > MAX_DEPTH:
            raise InvalidParameter(f"Parameter is nested too deep: {key}", param=key)
        _assign(tree, path, value, key)
    return tree


def _assign(tree: dict[str, Any], path: list[str], value: str, key: str) -> None:
    node = tree
    for part in path[:-1]:
        name = part or str(len(node))
        child = node.setdefault(name, {})
        if not isinstance(child, dict):
            raise InvalidParameter(f"Invalid parameter name: {key}", param=key)
        node = child
    last = path[-1] or str(len(node))
    if isinstance(node.get(last), dict):
        raise InvalidParameter(f"Invalid parameter name: {key}", param=key)
    node[last] = value
