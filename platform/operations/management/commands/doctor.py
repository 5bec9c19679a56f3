import json
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from core.commands import ProductCommand
from operations.doctor import examine
from operations.findings import Finding, Status

_MARKS = {Status.OK: "ok  ", Status.WARNING: "warn", Status.FAILURE: "FAIL"}


class Command(ProductCommand):
    """Says whether everything the product needs is there."""

    help = (
        "Look at settings, servers, queues and disk; exit with 1 where something is "
        "broken. Example: manage.py doctor --json"
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, *args: Any, **options: Any) -> None:
        found: list[Finding] = []
        for finding in examine():
            found.append(finding)
            if not options["json"]:
                self.say(finding)
        failures = sum(finding.status == Status.FAILURE for finding in found)
        if options["json"]:
            listed = [asdict(finding) for finding in found]
            self.stdout.write(
                json.dumps({"ok": failures == 0, "findings": listed}, indent=2)
            )
        elif failures:
            self.stdout.write(f"{failures} to repair.")
        else:
            self.stdout.write("Everything the product needs is there.")
        if failures:
            raise SystemExit(1)

    def say(self, finding: Finding) -> None:
        """Print one line, as soon as it is known."""
        paint = {
            Status.OK: self.style.SUCCESS,
            Status.WARNING: self.style.WARNING,
            Status.FAILURE: self.style.ERROR,
        }[finding.status]
        mark = paint(_MARKS[finding.status])
        self.stdout.write(f"{mark} {finding.subject:<10} {finding.sentence}")
        self.stdout.flush()
