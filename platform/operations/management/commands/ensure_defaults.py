from typing import Any

from django.core.management import call_command
from django.core.management.base import CommandParser

from community.docs.defaults import ensure_docs
from community.forum.defaults import ensure_categories
from core.commands import ProductCommand


class Command(ProductCommand):
    """Makes what an empty installation needs; changes nothing that is there."""

    help = (
        "Create the forum's categories, the documentation, the models and the plans "
        "that are missing. "
        "Example: manage.py ensure_defaults --without-stripe"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--without-stripe",
            action="store_true",
            help="leave the plans alone, for a place without a way out",
        )

    def handle(self, *args: Any, without_stripe: bool, **options: Any) -> None:
        ensure_categories()
        self.stdout.write("The forum's categories are there.")
        for version in ensure_docs():
            self.stdout.write(f"Documentation {version} is loaded.")
        call_command("catalog", "ensure", stdout=self.stdout)
        if not without_stripe:
            call_command("stripe_sync_plans", stdout=self.stdout)
