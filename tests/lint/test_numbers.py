import pytest

from tools.lint.numbers import complaints
from tools.lint.sources import source

FILE = "platform/core/planted.py"


def named(planted: str) -> list[str]:
    """Return what lint says of a file, without the file."""
    return [
        said.removeprefix(f"{FILE}:") for said in complaints([source(FILE, planted)])
    ]


@pytest.mark.parametrize(
    ("planted", "told"),
    [
        ("WINDOW = 30", "1: nothing says why WINDOW is so much"),
        ("_GRACE = timedelta(days=7)", "1: nothing says why _GRACE is so much"),
        ("SHARE: float = 0.25", "1: nothing says why SHARE is so much"),
        ("FIRST, LAST = 5, 9", "1: nothing says why FIRST is so much"),
        ("POINTS = {'vote': 10}", "1: nothing says why POINTS is so much"),
        (
            "class A:\n    LIMIT = 2**20",
            "2: nothing says why LIMIT is so much",
        ),
        (
            "def f():\n    check('vote', limit=60)",
            "2: nothing says why limit is so much",
        ),
        (
            "@lru_cache(maxsize=16)\ndef f(): ...",
            "1: nothing says why maxsize is so much",
        ),
        (
            "check('topic', limit=5 if is_new else 20)",
            "1: nothing says why limit is so much",
        ),
    ],
)
def test_a_number_without_a_reason_is_named(planted: str, told: str) -> None:
    assert named(planted) == [told]


def test_a_reason_is_beside_its_own_number() -> None:
    planted = (
        "# Two rows on a telephone.\n"
        "POPULAR = 12\n"
        "RELATED = 5\n"
        "WINDOW = 30  # Discourse has twenty.\n"
        "LARGEST = 40\n"
        "DONE = 3  # noqa: X\n"
    )

    assert named(planted) == [
        f"{line}: nothing says why {name} is so much"
        for line, name in ((3, "RELATED"), (5, "LARGEST"), (6, "DONE"))
    ]


@pytest.mark.parametrize(
    "planted",
    [
        "STEP = 1",
        "DEFAULT = -1",
        "MINUTE, HOUR, DAY = 60, 3_600, 86_400",
        "MENU = [Entry(Menu.STAFF, 10, 'Home')]",
        "find('x', limit=MOST)",
        "is_strict = True",
        "round(value, 3)",
        "page[:50]",
    ],
)
def test_what_explains_itself_or_was_not_chosen_is_fine(planted: str) -> None:
    assert named(planted) == []
