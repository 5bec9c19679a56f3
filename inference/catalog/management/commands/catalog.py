from typing import Any

from django.core.management.base import CommandParser

from core.commands import ProductCommand
from inference.catalog.defaults import ensure_default_models


class Command(ProductCommand):
    """Keeps the models that come with the product on offer."""

    help = "Offer the built-in models. Example: manage.py catalog ensure"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["ensure"])

    def handle(self, *args: Any, **options: Any) -> None:
        for model in ensure_default_models():
            if options["verbosity"]:
                self.stdout.write(f"{model.slug}: {model.get_edition_display()}")
