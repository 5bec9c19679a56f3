import pytest

from community.forum.cleaning import clean_text, clean_title, count_visible
from core.names import measure


def test_control_characters_leave_and_lines_end_one_way() -> None:
    assert clean_text("a\x00b\x0bc\x1b[31m\r\nd\re\tf\uffff") == "abc[31m\nd\ne\tf"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Pay \u202eevil\u202c now", "Pay evil now"),
        ("zero\u200bwidth\ufeff\u2060", "zerowidth"),
        ("  two \n lines ", "two lines"),
        ("tag\U000e0041ged", "tagged"),
        # Joiners make families and Persian words; they stay.
        ("👩\u200d💻 می\u200cخواهم", "👩\u200d💻 می\u200cخواهم"),
        ("如何轮换密钥？", "如何轮换密钥？"),
        # A tower of marks would cover the rows around; nobody writes more than five.
        ("Z\u0301" + "\u0302\u200d" * 90, "Z\u0301" + "\u0302\u200d" * 2),
        ("ส" + "\u0e47" * 90, "ส" + "\u0e47" * 5),
        ("שּׁ֥", "שּׁ֥"),
        ("Việt Nam สวัสดี हिन्दी مَرْحَبًا", "Việt Nam สวัสดี हिन्दी مَرْحَبًا"),
    ],
)
def test_a_title_keeps_what_can_be_seen(typed: str, kept: str) -> None:
    assert clean_title(typed) == kept


def test_only_what_leaves_a_mark_is_counted() -> None:
    assert count_visible("a \u200b\u0301\u3164"[:4] + "密钥") == 3


@pytest.mark.parametrize("blank", ["\u115f", "\u1160", "\u3164", "\uffa0", "\u2800"])
def test_letters_that_are_drawn_as_nothing_are_not_counted(blank: str) -> None:
    assert count_visible(blank * 9) == 0
    assert measure(blank * 9) == 0
    assert count_visible(f"한{blank}글") == 2
