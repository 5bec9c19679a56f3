"""Texts of other forums, as texts of this one."""

import pytest

from community.imports.texts import OldPlaces, markdown_of, moment, retold


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2020-01-02 03:04:05.678", "2020-01-02T03:04:05.678000+00:00"),
        ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05+00:00"),
        ("2020-01-02T03:04:05+02:00", "2020-01-02T01:04:05+00:00"),
        ("yesterday", None),
        ("", None),
        (None, None),
        ("0001-01-01T00:00:00+14:00", None),
        ("1970-01-01 00:00:00", None),
        ("2999-01-01 00:00:00", None),
        ("2020-13-45", None),
    ],
)
def test_a_time_is_read_in_utc_or_not_at_all(
    written: str | None, read: str | None
) -> None:
    assert moment(written) == read


def test_elements_within_each_other_without_end_are_their_words() -> None:
    deep = "<div>" * 3_000 + "words" + "</div>" * 3_000

    assert "words" in markdown_of(deep)


def test_quotations_that_are_not_closed_stay_as_they_are() -> None:
    places = OldPlaces(old="/old/x/")

    assert retold("[quote]a[/quote]", places).strip() == "> a"
    assert retold('[quote="ada"]a', places) == "[quote=ada]a"
    assert retold("a[/quote]", places) == "a[/quote]"
    nested = retold('[quote="b"]x[quote="a"]y[/quote]z[/quote]', places)
    assert "> > y" in nested
    assert "> **b:**" in nested


def test_only_addresses_of_the_old_forum_are_rewritten() -> None:
    places = OldPlaces(old="/old/x/", address="https://old.test")

    said = retold(
        "https://old.test/t/a/1 https://old.test/about https://bold.test/t/a/1 "
        "http://old.test/questions/5/how",
        places,
    )

    assert said == (
        "/old/x/t/a/1 https://old.test/about https://bold.test/t/a/1 "
        "/old/x/questions/5/how"
    )
