"""Values from outside: by their type, or refused by their name."""

from collections.abc import Callable
from datetime import date
from typing import Any

import orjson
import pytest
from django.http import QueryDict
from django.test import Client

from core import documents
from core.documents import BadDocument, Bounds, Measure, has_nul
from core.reading import UnreadableValue, Values, whole_number


def asked(query: str) -> Values:
    return Values(QueryDict(query))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("7", 7), ("-7", -7), ("007", 7), ("9" * 18, 10**18 - 1)),
        *(("", None), ("-", None), ("²", None), ("\u0661", None), ("１", None)),
        *(("9" * 19, None), ("1_0", None), ("+1", None), ("1.0", None), (" 1", None)),
    ],
)
def test_only_ascii_digits_that_can_be_computed_with_are_a_number(
    text: str, number: int | None
) -> None:
    assert whole_number(text) == number


def test_what_is_absent_or_empty_is_the_default() -> None:
    for query in ("", "a=", "a=%20"):
        values = asked(query)
        assert values.text("a", default="x") == "x"
        assert values.whole("a", default=5, least=1, most=9) == 5
        assert values.day("a") is None
    assert asked("").choice("a", ("x", "y"), default="y") == "y"
    assert asked("").flag("a") is False


def test_what_is_of_its_kind_is_read() -> None:
    values = asked("n=3&d=2026-01-31&c=x&t=%20hi%20&f=1&last=1&last=2")

    assert values.whole("n", default=1, least=1, most=3) == 3
    assert values.day("d") == date(2026, 1, 31)
    assert values.choice("c", ("x",)) == "x"
    assert (values.text("t"), values.text("t", strip=False)) == ("hi", " hi ")
    assert values.flag("f") is True
    assert values.text("last") == "2"


READS: list[Callable[[Values], object]] = [
    lambda values: values.whole("a", default=1, least=1, most=9),
    lambda values: values.day("a"),
    lambda values: values.choice("a", ("x", "y")),
    lambda values: values.text("a", most=3),
    lambda values: values.flag("a"),
]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize("sent", ["²²²²", "10000-01-01", "0001-01-01", "9999999999"])
def test_what_is_wrong_is_refused_by_its_name(
    sent: str, read: Callable[[Values], object]
) -> None:
    with pytest.raises(UnreadableValue) as caught:
        read(asked(f"a={sent}"))

    assert (caught.value.status, caught.value.field) == (400, "a")
    assert "“a”" in str(caught.value)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "url",
    [
        "/?anything=%00",
        "/forum/?%00=x",
        "/billing/return/?session_id=%00",
        "/admin/?q=%00",
    ],
)
def test_a_nul_in_a_query_is_refused_on_every_page(client: Client, url: str) -> None:
    assert client.get(url).status_code in {400, 302}
    assert client.get("/?anything=%00").status_code == 400


@pytest.mark.django_db
def test_a_nul_in_a_form_or_a_cookie_is_no_error(client: Client) -> None:
    form = {"login": "a\0b", "password": "x"}

    assert client.post("/accounts/login/", form).status_code == 400
    cookie = {"Cookie": 'ds_session="\\000"; ds_language="\\000"'}
    assert client.get("/", headers=cookie).status_code == 200


@pytest.mark.parametrize("size", [1, 2, 3, 7, 65_536])
def test_a_document_is_measured_the_same_in_pieces_of_any_size(size: int) -> None:
    document: dict[str, Any] = {
        'a"b\\': ["[{,:", "\\", '\\"', {"x": [1, 2, {}]}, "\\\\"],
        "é中": {"y": 'end\\"'},
    }
    body = orjson.dumps(document)
    measure = Measure(Bounds())

    for start in range(0, len(body), size):
        measure.feed(body[start : start + size])

    # Six lists and objects, four fields; seven commas outside of text.
    assert (measure.depth, measure.nodes, measure.items) == (0, 10, 7)


@pytest.mark.parametrize(
    ("body", "bounds", "told"),
    [
        (b"[" * 6, Bounds(depth=5), "nested more than 5 levels"),
        (b"[[[[[[]]]]]]", Bounds(depth=5), "nested more than 5 levels"),
        (b'{"a":1,"b":2,"c":3,"d":4}', Bounds(nodes=4), "more than 4 lists"),
        (b"[1,2,3,4,5]", Bounds(items=3), "more than 3 values"),
        (b"]", Bounds(), "not valid JSON"),
    ],
)
def test_what_is_too_deep_or_too_much_is_refused(
    body: bytes, bounds: Bounds, told: str
) -> None:
    with pytest.raises(BadDocument, match=told):
        documents.read(body, bounds)


@pytest.mark.parametrize(
    ("body", "is_there"),
    [
        (rb'"\u0000"', True),
        (rb'"\\u0000"', False),
        (rb'"\\\u0000"', True),
        (rb'"\\\\u0000"', False),
        (b'"u0000"', False),
    ],
)
def test_a_nul_is_told_from_one_that_is_written_about(
    body: bytes, is_there: bool
) -> None:
    assert has_nul(body) is is_there
    assert ("\0" in documents.parse(body)) is is_there
