"""``CONTRIBUTING.md`` fits the tree: what its blocks name is there."""

import re
from pathlib import Path

import pytest

from tools.first_change.guide import ROOT, Step, steps

GUIDE = (ROOT / "CONTRIBUTING.md").read_text()


def test_every_block_of_the_first_change_has_its_place() -> None:
    todo = list(steps())

    for step in todo:
        if step.kind == "new":
            assert not (ROOT / step.path).exists()
        elif step.path:
            text = (ROOT / step.path).read_text()
            assert not step.anchor or step.anchor in map(str.strip, text.splitlines())
    assert [step.kind for step in todo].count("run") >= 6
    assert {step.kind for step in todo} == {"run", "new", "end", "after", "translated"}


def test_every_target_it_names_is_one_of_make() -> None:
    makefile = (ROOT / "Makefile").read_text()
    known = set(
        re.findall(r"^\.PHONY: ((?:.+\\\n)*.+)$", makefile, re.MULTILINE)[0].split()
    )

    assert set(re.findall(r"\bmake ([a-z]+(?:-[a-z]+)*)\b", GUIDE)) - {"as"} <= known


def test_every_file_it_links_is_there() -> None:
    links = re.findall(r"\]\(([^):#]+)\)", GUIDE)

    assert len(links) >= 5
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_commit_it_shows_has_the_form_it_asks_for() -> None:
    example = GUIDE[GUIDE.index("### The commit") :].split("```text\n")[1]
    subject, blank, *body = example.partition("```")[0].splitlines()

    assert re.fullmatch(r"[a-z]+: [A-Z].{1,60}\.", subject)
    assert len(subject) <= 72
    assert blank == ""
    assert len(body) >= 2


@pytest.mark.parametrize(
    "step",
    [
        Step("after", "x = 2\n", "a.py", "no such line"),
        Step("after", "x = 2\n", "a.py", "x = 1"),
        Step("new", "x = 2\n", "a.py"),
        Step("translated", 'msgid "x"\nmsgstr "y"\n', "a.py"),
    ],
    ids=["no line", "two lines", "a file that is there", "no sentence"],
)
def test_a_block_that_does_not_fit_changes_nothing(step: Step, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\nx = 1\n")

    with pytest.raises(ValueError, match=r"a\.py"):
        step.apply(tmp_path)

    assert (tmp_path / "a.py").read_text() == "x = 1\nx = 1\n"
