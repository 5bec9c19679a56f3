"""The description of the REST API, read the way a page or a file needs it."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema

_METHODS = ("get", "post", "put", "patch", "delete")


class SchemaIncomplete(Exception):
    """An endpoint describes itself badly; the message names each of them."""


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a body: ``depth`` says how far inside it lies."""

    name: str
    type: str
    note: str
    is_required: bool
    depth: int


@dataclass(frozen=True, slots=True)
class Response:
    """What an endpoint answers with."""

    status: str
    fields: list[Field]


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address."""

    id: str
    method: str
    path: str
    summary: str
    needs_sign_in: bool
    parameters: list[Field]
    body: list[Field]
    answers: list[Response]


@dataclass(slots=True)
class Group:
    """The operations of one kind of thing."""

    name: str
    operations: list[Operation] = field(default_factory=list)


def describe() -> dict[str, Any]:
    """Return the OpenAPI 3.1 schema. Raises ``SchemaIncomplete``."""
    GENERATOR_STATS.reset()
    with GENERATOR_STATS.silence():
        generator = SchemaGenerator()  # type: ignore[no-untyped-call]
        schema: dict[str, Any] = generator.get_schema(None, public=True)  # type: ignore[no-untyped-call]
    if GENERATOR_STATS:
        # It prints its complaints, and gives them to nobody.
        complaints = [
            *GENERATOR_STATS._error_cache,  # noqa: SLF001
            *GENERATOR_STATS._warn_cache,  # noqa: SLF001
        ]
        raise SchemaIncomplete("\n".join(str(complaint) for complaint in complaints))
    validate_schema(schema)  # type: ignore[no-untyped-call]
    return schema


@lru_cache(maxsize=1)
def reference() -> list[Group]:
    """Return every operation, grouped by what it is about."""
    schema = describe()
    components = schema["components"]["schemas"]
    groups: dict[str, Group] = {}
    for path, methods in schema["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = _operation(path, method, methods[method], components)
                name = _subject(path)
                groups.setdefault(name, Group(name)).operations.append(operation)
    return list(groups.values())


def _subject(path: str) -> str:
    words = [word for word in path.split("/")[3:] if word and not word.startswith("{")]
    # What belongs to an organisation is found under its own name.
    return words[1] if words[0] == "organisations" and len(words) > 1 else words[0]


def _operation(
    path: str, method: str, found: dict[str, Any], components: dict[str, Any]
) -> Operation:
    content = found.get("requestBody", {}).get("content", {})
    return Operation(
        id=found["operationId"].replace("_", "-"),
        method=method.upper(),
        path=path,
        summary=found.get("description", ""),
        needs_sign_in={} not in found.get("security", [{}]),
        parameters=[_parameter(each) for each in found.get("parameters", [])],
        body=_body(content, components),
        answers=[
            Response(status, _body(answer.get("content", {}), components))
            for status, answer in found["responses"].items()
            if status != "default"
        ],
    )


def _parameter(found: dict[str, Any]) -> Field:
    shape = found.get("schema", {})
    note = [found.get("description", ""), _choices(shape)]
    return Field(
        found["name"],
        {"header": "header", "query": "query", "path": "path"}[found["in"]],
        " ".join(part for part in note if part),
        bool(found.get("required")),
        0,
    )


def _body(content: dict[str, Any], components: dict[str, Any]) -> list[Field]:
    shape = content.get("application/json", {}).get("schema")
    return _fields(shape, components, 0) if shape else []


def _fields(
    shape: dict[str, Any], components: dict[str, Any], depth: int
) -> list[Field]:
    shape = _resolved(shape, components)
    if shape.get("type") == "array":
        return _fields(shape["items"], components, depth)
    lines: list[Field] = []
    for name, part in shape.get("properties", {}).items():
        whole = _resolved(part, components)
        lines.append(
            Field(
                name,
                _type(whole, components),
                " ".join(n for n in (part.get("description", ""), _bounds(whole)) if n),
                name in shape.get("required", []),
                depth,
            )
        )
        is_nested = whole.get("type") in ("object", "array")
        if is_nested and depth < 3:
            lines += _fields(whole, components, depth + 1)
    return lines


def _resolved(shape: dict[str, Any], components: dict[str, Any]) -> dict[str, Any]:
    if "allOf" in shape and len(shape["allOf"]) == 1:
        shape = {
            **shape["allOf"][0],
            **{k: v for k, v in shape.items() if k != "allOf"},
        }
    if "$ref" in shape:
        target: dict[str, Any] = components[shape["$ref"].rsplit("/", 1)[-1]]
        return target
    return shape


def _type(shape: dict[str, Any], components: dict[str, Any]) -> str:
    kind = shape.get("type", "any")
    if isinstance(kind, list):
        return " | ".join(kind)
    if kind == "array":
        return f"array of {_type(_resolved(shape['items'], components), components)}"
    formats = {"date-time": "time", "date": "date"}
    return formats.get(shape.get("format", ""), str(kind))


def _bounds(shape: dict[str, Any]) -> str:
    said = [_choices(shape)]
    for name, words in (
        ("minLength", "at least {} characters"),
        ("maxLength", "at most {} characters"),
        ("maxItems", "at most {} items"),
        ("minimum", "at least {}"),
    ):
        if name in shape:
            said.append(words.format(shape[name]))
    return ", ".join(part for part in said if part)


def _choices(shape: dict[str, Any]) -> str:
    return " · ".join(str(value) for value in shape.get("enum", []))
