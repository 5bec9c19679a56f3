from typing import Any

from django.core.management.base import CommandParser

from billing.attribution import services
from core.commands import ProductCommand


class Command(ProductCommand):
    """Derives the ways that led to payments again from the activity log."""

    help = (
        "Derive again what people met before their organisations paid."
        " Example: manage.py attribution rebuild"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=["rebuild"])

    def handle(self, *args: Any, **options: Any) -> None:
        self.stdout.write(f"{services.replace_ways()} ways")
