"""Larger worlds: what the services have made, copied as a whole, again and again.

A copy has everything of the first world that belongs to people: themselves, what they
wrote, bought and called, with its counters and sums, and every reference between them.
What all share (categories, tags, plans, models, pages) stays as it is. No table is
named for a rule of its own: which are copied and what their columns hold follows from
the models.

Numbers are told apart by their size. Before the first world is made its tables count
from ``FIRST`` on, so that its ids are the numbers of seven digits that begin with 1;
those of copy ``k`` begin with ``1 + k``. So an id is found in a text, a key or a
document as well, and everything refers to its own copy.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection, models

from accounts.models import Organisation, User
from activity.models import Event, Visitor
from community.forum import counting
from search.models import IndexEntry

# Ids of a copy are its number times this away: more than the rows any scale plays.
FIRST = STRIDE = 1_000_000
# Copies beyond would have ids of nine digits that are another's; nobody needs so many.
MOST = 98
# These know people by number or name only, without a key of the database.
LOOSE: tuple[type[models.Model], ...] = (Event, Visitor, IndexEntry)
# The audit trail is a chain, which has no copies; the others are on their way
# somewhere, or about the first world's Stripe account and this machine. Who is held
# out of offers follows from an organisation's number, which a copy has another of.
LEFT_OUT = {
    *("audit", "billing_stripe", "docs", "drafts", "growth", "outbox", "sessions"),
}
# Ids drawn by chance, ours (``usr_…``) and Stripe's, but for the catalogue's, which
# all share; and the numbers of invoices.
_DRAWN = (
    r"\m((?!price_|prod_)[a-z]+(?:_test)?_[0-9A-Za-z]{14,}|[0-9A-Z]{8}-[0-9]{4,})\M"
)
_NUMBER = r"(?<![0-9])1([0-9]{6})(?![0-9])"
# Of a document only what is called an id is one; sums may look the same.
_NUMBER_IN_DOCUMENT = r"(\"(?:[a-z_]*_id|event)\": )1([0-9]{6})(?![0-9])"

Model = type[models.Model]


def number_apart(count: int) -> None:
    """Have the tables of a world that will be copied count from ``FIRST`` on."""
    if count > 1:
        _count_from(FIRST)


def multiply(count: int, on_table: Callable[[int], None]) -> None:
    """Have everything ``count`` times; ``on_table`` hears of the rows of each table."""
    if count <= 1:
        return
    if count > MOST:
        raise ValueError(f"At most {MOST} copies can be told apart.")
    for model in _copied():
        on_table(_copy(model, count - 1))
    _count_from((count + 1) * STRIDE)
    # Of what is shared there is more now.
    counting.repair()


@cache
def _copied() -> tuple[Model, ...]:
    """Return the models whose rows belong to people or to their organisations."""
    everything = [
        model
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and model._meta.app_label not in LEFT_OUT  # noqa: SLF001
    ]
    owned: set[Model] = {User, Organisation}
    while more := {
        model
        for model in everything
        if model not in owned and any(to in owned for to in _referred_to(model))
    }:
        owned |= more
    return (*(model for model in everything if model in owned), *LOOSE)


def _referred_to(model: Model) -> Iterator[Model]:
    for field in model._meta.concrete_fields:  # noqa: SLF001
        if isinstance(field, models.ForeignKey):
            yield field.related_model


def _copy(model: Model, count: int) -> int:
    """Insert ``count`` copies of a model's rows; return how many rows those are."""
    options = model._meta  # noqa: SLF001
    # What the database computes it computes of copies, too.
    fields = [field for field in options.concrete_fields if not field.generated]
    names = [connection.ops.quote_name(str(field.column)) for field in fields]
    suffixed = _names_to_change(model)
    values = [_value(field, is_name=field.name in suffixed) for field in fields]
    references = [field for field in fields if _is_reference(field)]
    if model in LOOSE:
        # Any row may have a number of its own: whose it is, is what it refers to.
        to_others = [field for field in references if field.column != "id"]
        references = to_others or references
    belongs = [
        f"{_own(field)} BETWEEN {FIRST} AND {FIRST + STRIDE - 1}"
        if _is_number(field)
        else f"{_own(field)} <> ''"
        for field in references
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {options.db_table} ({', '.join(names)})"  # noqa: S608 - names of ours
            f" SELECT {', '.join(values)} FROM {options.db_table} AS own"
            f" CROSS JOIN generate_series(1, {count}) AS copy (k)"
            f" WHERE {' OR '.join(belongs)}"
        )
        return int(cursor.rowcount)


def _own(field: Any) -> str:
    return f"own.{connection.ops.quote_name(field.column)}"


def _is_number(field: Any) -> bool:
    return isinstance(_held(field), models.IntegerField)


def _held(field: Any) -> Any:
    """Return the field that says what a column holds: for a key, the other's."""
    while isinstance(field, models.ForeignKey):
        field = field.target_field
    return field


def _is_reference(field: Any) -> bool:
    """Say whether a column identifies a row, its own or another."""
    is_id = field.primary_key or isinstance(field, models.ForeignKey)
    return is_id or field.column == "id" or field.column.endswith("_id")


def _shifts(field: Any) -> bool:
    """Say whether a column is another in every copy, whatever it holds."""
    return _is_reference(field) and (
        field.primary_key or isinstance(field, models.ForeignKey) or _is_number(field)
    )


def _is_computed(field: Any) -> bool:
    """Say whether a column holds a hash, where what looks like a number is chance."""
    name = str(field.column)
    return name == "password" or name.endswith("digest")


def _value(field: Any, *, is_name: bool) -> str:
    """Return what stands in a column of a copy, as SQL."""
    own, held = _own(field), _held(field)
    if isinstance(held, models.IntegerField):
        if not _is_reference(field):
            return own
        last = FIRST + STRIDE - 1
        return (
            f"CASE WHEN {own} BETWEEN {FIRST} AND {last}"
            f" THEN {own} + k * {STRIDE} ELSE {own} END"
        )
    if isinstance(held, models.UUIDField):
        return f"md5({own}::text || k)::uuid" if is_name else own
    if isinstance(held, models.JSONField):
        numbered = (
            f"regexp_replace({own}::text, '{_NUMBER_IN_DOCUMENT}',"
            r" '\1' || (1 + k) || '\2', 'g')"
        )
        return f"{_drawn_again(numbered)}::jsonb"
    if isinstance(held, models.CharField):
        numbered = rf"regexp_replace({own}, '{_NUMBER}', (1 + k) || '\1', 'g')"
        value = own if _is_computed(field) else _drawn_again(numbered)
        if not is_name:
            return value
        renamed = _renamed(own, held.max_length or 200)
        # What is empty names nothing, and may be so many times.
        is_same = f"{own} <> '' AND {value} = {own}"
        return f"CASE WHEN {is_same} THEN {renamed} ELSE {value} END"
    return own


def _drawn_again(value: str) -> str:
    return rf"regexp_replace({value}, '{_DRAWN}', '\1x' || k, 'g')"


def _renamed(value: str, most: int) -> str:
    """Return a name with the copy's number, before the sign of an address."""
    ending = "('-' || (1 + k))"
    cut = f"left(split_part({value}, '@', 1), {most} - length({ending})"
    host = f"CASE WHEN {value} LIKE '%@%' THEN '@' || split_part({value}, '@', 2) ELSE '' END"
    return f"{cut} - length({host})) || {ending} || {host}"


def _names_to_change(model: Model) -> set[str]:
    """Return the fields that are unique by what they say, not by what they refer to.

    Of several that are unique together one is enough: that which is called an id, else
    the last, since a kind or a provider comes first and is the same in every copy.
    """
    options = model._meta  # noqa: SLF001
    fields = {field.name: field for field in options.concrete_fields}
    unique = [[field.name] for field in options.concrete_fields if field.unique]
    unique += [list(names) for names in options.unique_together]
    for constraint in options.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            unique.append([*constraint.fields, *_named_in(constraint.expressions)])
    return {
        ([name for name in names if name.endswith("id")] or names)[-1]
        for names in unique
        if not any(_shifts(fields[name]) for name in names)
    }


def _named_in(expressions: Any) -> Iterator[str]:
    """Yield the fields that expressions are about, ``Lower("email")`` for one."""
    for expression in expressions:
        parts = (
            [expression] if isinstance(expression, models.F) else expression.flatten()
        )
        named: list[Any] = [part for part in parts if isinstance(part, models.F)]
        yield from (part.name for part in named)


def _count_from(number: int) -> None:
    with connection.cursor() as cursor:
        for model in _copied():
            options = model._meta  # noqa: SLF001
            if not any(field.column == "id" for field in options.concrete_fields):
                continue
            cursor.execute(
                "SELECT setval(sequence, %s, false) FROM"
                " pg_get_serial_sequence(%s, 'id') AS sequence"
                " WHERE sequence IS NOT NULL",
                [number, options.db_table],
            )
