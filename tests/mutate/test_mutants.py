"""Mutants are what they say, and the tests of a tree are heard on each."""

from contextlib import nullcontext
from pathlib import Path

import psycopg
import pytest
from cosmic_ray.mutating import mutate_code

from tools.mutate import __main__ as command
from tools.mutate import running
from tools.mutate.explained import explanations
from tools.mutate.mutants import ROOT, Mutant, Place, draw, mutants_of, places
from tools.mutate.operators import operators
from tools.mutate.running import CannotJudge, Copy, cover, is_killed, served

SHOP = '''"""A shop."""

LIMIT: int | None = 3


def price(count: int = 2) -> int:
    """Return the price, 10 each; nothing for none."""
    if count <= 0:
        return 0
    return count * 10


def unseen(count: int) -> bool:
    return count > 5
'''
TESTS = """
import shop


def test_price():
    assert shop.price(2) == 20


def test_nothing_costs_nothing():
    assert shop.price(-1) == 0
"""


def test_every_operator_makes_what_its_example_says() -> None:
    seen = 0
    for name, operator in operators().items():
        for example in operator.examples():
            changed = mutate_code(
                example.pre_mutation_code, operator, example.occurrence
            )
            assert changed == example.post_mutation_code, name
            seen += 1
    assert seen >= 12


def test_only_what_runs_in_a_function_is_changed() -> None:
    found = mutants_of("shop.py", SHOP)

    assert {mutant.function for mutant in found} == {"price", "unseen"}
    # Neither the constant, the default nor the annotations.
    assert {mutant.line for mutant in found} == {8, 9, 10, 14}


def test_a_mutant_changes_its_own_line_only() -> None:
    for mutant in mutants_of("shop.py", SHOP):
        before, after = SHOP.splitlines(), mutant.code(SHOP).splitlines()
        changed = [n for n, line in enumerate(after, 1) if line != before[n - 1]]

        assert changed == [mutant.line], mutant


def test_one_seed_draws_the_same_mutants_everywhere() -> None:
    for place in places():
        drawn = draw(place, 1)

        assert drawn == draw(place, 1) != draw(place, 2)
        assert len(drawn) == place.take
        assert {mutant.module for mutant in drawn} == {*place.modules}


def test_more_than_two_hundred_are_drawn() -> None:
    assert sum(place.take for place in places()) >= 200


def test_every_explanation_is_of_a_mutant_there_is() -> None:
    for explanation in explanations():
        source = (ROOT / explanation.module).read_text()

        assert any(map(explanation.fits, mutants_of(explanation.module, source)))
        assert len(explanation.reason.split()) > 3


@pytest.fixture(params=["", "[tool.coverage.run]\nrelative_files = true\n"])
def shop(tmp_path: Path, request: pytest.FixtureRequest) -> Copy:
    (tmp_path / "shop.py").write_text(SHOP)
    (tmp_path / "test_shop.py").write_text(TESTS)
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest]\npythonpath = ["."]\naddopts = ["-p", "no:django"]\n'
        + request.param
    )
    return Copy(tmp_path, {"PYTHONPATH": "", "DJANGO_SETTINGS_MODULE": ""})


def _mutant(operator: str, line: int) -> Mutant:
    return next(
        mutant
        for mutant in mutants_of("shop.py", SHOP)
        if (mutant.operator, mutant.line) == (operator, line)
    )


def test_what_a_test_notices_is_killed_and_what_none_runs_lives(
    shop: Copy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "OPTIONS", ("-n", "0", "-x"))
    covered = cover(
        shop, ["test_shop.py"], ["shop.py"], 1, data=shop.folder / "shop.coverage"
    )

    assert covered["shop.py"][10] == ["test_shop.py::test_price"]
    assert is_killed(shop, _mutant("AddNot", 8), covered)
    # No test asks for nothing, so whether it is free is not known.
    assert not is_killed(shop, _mutant("ReplaceComparisonOperator_LtE_Lt", 8), covered)
    assert not is_killed(shop, _mutant("ReplaceComparisonOperator_Gt_GtE", 14), covered)
    assert (shop.folder / "shop.py").read_text() == SHOP


def test_tests_that_fail_without_a_mutant_judge_none(shop: Copy) -> None:
    (shop.folder / "test_shop.py").write_text("def test_x():\n    assert False\n")

    with pytest.raises(CannotJudge, match="test_x"):
        cover(
            shop, ["test_shop.py"], ["shop.py"], 1, data=shop.folder / "shop.coverage"
        )


def test_tests_that_run_nothing_of_a_module_judge_none(shop: Copy) -> None:
    (shop.folder / "test_shop.py").write_text("def test_x():\n    assert True\n")

    with pytest.raises(CannotJudge, match=r"None of the tests was seen in shop\.py"):
        cover(
            shop, ["test_shop.py"], ["shop.py"], 1, data=shop.folder / "shop.coverage"
        )


def test_the_nearest_tests_come_first() -> None:
    mutant = Mutant("billing/ledger/services.py", 2, "AddNot", 0, "pay")
    far, near = (
        "tests/core/test_x.py::test_a",
        "tests/billing/ledger/test_services.py::t",
    )
    covered = {mutant.module: {2: [far, near]}}

    assert running.tests_of(mutant, covered, "def pay():\n    return not 1\n") == [
        near,
        far,
    ]


def test_a_decorators_tests_are_those_of_what_it_decorates() -> None:
    source = (
        "def other():\n    ...\n\n\n@atomic\n@cached(\n    5)\ndef pay(\n    sum,\n"
        "):\n    return sum\n\n\ndef last():\n    ...\n"
    )
    covered = {"shop.py": {2: ["other"], 11: ["pays"], 15: ["last"]}}

    def asked(line: int) -> list[str]:
        mutant = Mutant("shop.py", line, "RemoveDecorator", 0, "pay")
        return running.tests_of(mutant, covered, source)

    assert asked(5) == asked(6) == asked(11) == ["pays"]
    assert (
        running.tests_of(
            Mutant("shop.py", 6, "RemoveDecorator", 0, "pay"),
            {"shop.py": {15: ["x"]}},
            source,
        )
        == []
    )


def test_forty_tests_are_asked_at_most() -> None:
    mutant = Mutant("shop.py", 2, "AddNot", 0, "pay")
    tests = [f"tests/test_{number}.py::test_a" for number in range(90)]

    asked = running.tests_of(mutant, {"shop.py": {2: tests}}, "def pay():\n  ...\n")

    assert len(asked) == running.NEAREST == len(set(asked))


def test_the_servers_of_a_copy_are_there_for_all_its_runs() -> None:
    copy = Copy(ROOT, {"DOORSTONE_SLOT": "mutate"})

    with served(copy) as ready:
        url = ready.environment["DATABASE_URL"]
        with psycopg.connect(url.replace("/doorstone?", "/postgres?")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert ready.environment["DOORSTONE_SLOT"] == "mutate"

    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url)


def test_what_cannot_be_judged_leaves_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = [Place(name, "", (), (), 1) for name in ("money", "locks")]
    mutant = _mutant("AddNot", 8)

    def judge(place: Place, mutants: list[Mutant], _: object) -> dict[Mutant, bool]:
        if place.name == "money":
            raise CannotJudge("a test failed")
        return dict.fromkeys(mutants, True)

    monkeypatch.setattr(command, "REPORT", tmp_path / "report.md")
    monkeypatch.setattr(command, "ROOT", tmp_path)
    monkeypatch.setattr(command, "FOLDER", tmp_path)
    monkeypatch.setattr(command, "places", lambda: judged)
    monkeypatch.setattr(command, "draw", lambda _place, _seed: [mutant])
    monkeypatch.setattr(command, "make_copy", lambda _folder: None)
    monkeypatch.setattr(command, "served", nullcontext)
    monkeypatch.setattr(command, "judge", judge)

    assert command.main(["--jobs", "1"]) == 2
    assert "## locks: 1 of 1 killed" in (tmp_path / "report.md").read_text()


def test_a_place_names_what_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wrong = tmp_path / "places.toml"
    wrong.write_text('[a]\nwhy = ""\nmodules = ["no.py"]\ntests = []\ntake = 1\n')
    monkeypatch.setattr("tools.mutate.mutants.PLACES", wrong)

    with pytest.raises(ValueError, match=r"places\.toml: a: there is no no\.py"):
        places()
