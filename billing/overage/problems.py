"""What keeps statements from being settled: noted where it is met, gone when solved."""

from collections.abc import Mapping, Sequence

from django.db.models import F

from billing.overage.models import Statement, StatementProblem


def record_problem(
    statement: Statement, kind: StatementProblem.Kind, text: str
) -> None:
    """Note what is wrong with a statement, or that it still is."""
    row, is_new = StatementProblem.objects.get_or_create(
        statement=statement, kind=kind, defaults={"text": text}
    )
    if not is_new:
        StatementProblem.objects.filter(pk=row.pk).update(
            text=text, tries=F("tries") + 1
        )


def remove_problem(statement: Statement, kind: StatementProblem.Kind) -> None:
    """Forget what is not wrong any more."""
    StatementProblem.objects.filter(statement=statement, kind=kind).delete()


def record_differences(found: Mapping[int, Sequence[str]]) -> None:
    """Note what differs of the statements that were compared, by their number."""
    differing = {pk: rows for pk, rows in found.items() if rows}
    solved = [pk for pk in found if pk not in differing]
    StatementProblem.objects.filter(
        statement__in=solved, kind=StatementProblem.Kind.DIFFERS
    ).delete()
    for statement in Statement.objects.filter(pk__in=differing):
        text = "\n".join(differing[statement.pk])
        record_problem(statement, StatementProblem.Kind.DIFFERS, text)
