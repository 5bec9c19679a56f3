import pytest

from tools.lint.sources import source
from tools.lint.words import GLOSSARY, complaints, glossary

WORDS = """# Glossary

## Nouns

| Word | Is | Not |
|---|---|---|
| difference | a stored value that is wrong | drift |
| invoice line | one position | |

## States

| Word | Is | Not |
|---|---|---|
| dead | given up | failed, error |
| pending | not done yet | |

## Verbs

| Word | Does | Not |
|---|---|---|
| notify | sends a message | tell |
| record | writes down | note |
"""
ONE = "community/forum/services.py"
TWO = "billing/ledger/services.py"


def named(*planted: tuple[str, str]) -> list[str]:
    """Return what lint says of files by their paths and texts."""
    return list(complaints([source(path, text) for path, text in planted], WORDS))


def test_the_tables_are_read_as_they_are_written() -> None:
    tables = glossary(WORDS)

    assert tables["Nouns"].words == {"difference", "invoice line"}
    assert tables["States"].refused == {"failed": "dead", "error": "dead"}


def test_a_class_of_two_rooms_has_to_be_in_the_glossary() -> None:
    planted = "class Difference: ...\nclass InvoiceLine: ...\nclass Answer: ..."

    assert named((ONE, planted), (TWO, planted)) == [
        f"{TWO}:3, {ONE}:3: Answer is a class of 2 rooms"
    ]


def test_a_class_of_two_files_of_one_room_is_one_class() -> None:
    planted = "class Answer: ..."

    assert named((ONE, planted), ("community/forum/models.py", planted)) == []


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ("class Drift: ...", "1: Drift is called difference here"),
        (
            "class State(models.TextChoices):\n    FAILED = 'failed'",
            "2: failed is called dead here",
        ),
        (
            "class Outcome(StrEnum):\n    ERROR = 'error'",
            "2: error is called dead here",
        ),
        (
            "class State(models.TextChoices):\n    SLEEPING = 'sleeping'",
            f"2: sleeping is no state of {GLOSSARY}",
        ),
        (
            "def note_use(): ...",
            "1: note_use: note is called record here",
        ),
        (
            "class A:\n    def _tell(self): ...",
            "2: _tell: tell is called notify here",
        ),
    ],
)
def test_a_word_for_another_is_named(planted: str, told: str) -> None:
    assert named((ONE, planted)) == [f"{ONE}:{told}"]


def test_a_verb_that_the_services_of_two_rooms_share_is_in_the_glossary() -> None:
    planted = "def record_use(): ...\ndef settle_case(): ...\nasync def _hide_it(): ..."

    assert named((ONE, planted), (TWO, planted)) == [
        f"{TWO}:2, {ONE}:2: settle is in no {GLOSSARY}"
    ]


def test_what_is_no_word_of_ours_is_fine() -> None:
    planted = (
        "class State(models.TextChoices):\n    PENDING = 'pending'\n"
        "class Kind(models.TextChoices):\n    REPLY = 'reply'\n"
        "def notebook(): ...\ndef note(): ..."
    )

    assert named((ONE, planted)) == []
    assert named(("billing/x/subscribers.py", "def tell_started(): ...")) == []
    theirs = "class Status(models.TextChoices):\n    FAILED = 'failed'"
    assert named((TWO, theirs)) == []


def test_a_comment_says_who_is_meant() -> None:
    planted = (
        '"""Lets members in.\n\nWhoever asks."""\n'
        "# Nobody's business.\n"
        "TEXT = 'Somebody, hopefully you'\n"
    )

    assert named((ONE, planted)) == [
        f"{ONE}:3: whoever: say who or what",
        f"{ONE}:4: nobody's: say who or what",
    ]


def test_sixty_nouns_and_verbs_are_enough() -> None:
    more = "".join(f"| word{'a' * n} | is | |\n" for n in range(60))

    assert f"{GLOSSARY}: 64 nouns and verbs, at most 60" in list(
        complaints([], WORDS + more)
    )
