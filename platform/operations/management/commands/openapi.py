import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core.commands import ProductCommand
from operations.schema import SchemaIncomplete, describe


class Command(ProductCommand):
    """Writes the description of the REST API."""

    help = (
        "Write the OpenAPI 3.1 schema of the REST API to stdout. "
        "Example: manage.py openapi > doorstone.json"
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--compact", action="store_true", help="on one line, for programs"
        )

    def handle(self, *args: Any, compact: bool, **options: Any) -> None:
        try:
            schema = describe()
        except SchemaIncomplete as error:
            raise CommandError(str(error)) from error
        indent = None if compact else 2
        self.stdout.write(json.dumps(schema, indent=indent, ensure_ascii=False))
