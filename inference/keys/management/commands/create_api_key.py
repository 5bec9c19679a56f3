from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.models import Organisation, User
from accounts.queries import personal_organisation
from core.commands import ProductCommand
from inference.keys.services import create_key

# As long as the column.
MAX_NAME = 80


class Command(ProductCommand):
    """Makes an API key and prints its secret once."""

    help = "Make an API key. Example: manage.py create_api_key ada@demo.test --name CI"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email", help="who makes the key")
        parser.add_argument("--organisation", help="slug; default: the personal one")
        parser.add_argument("--name", default="Command line")

    def handle(self, *args: Any, **options: Any) -> str:
        name = options["name"].strip()
        if not 0 < len(name) <= MAX_NAME:
            raise CommandError(f"A key's name has 1 to {MAX_NAME} characters.")
        user = User.objects.filter(email__iexact=options["email"]).first()
        if user is None:
            raise CommandError(f"Nobody has the address {options['email']}.")
        organisation = personal_organisation(user)
        if options["organisation"] is not None:
            found = Organisation.objects.visible_to(user).filter(
                slug=options["organisation"]
            )
            organisation = found.first() or organisation
            if organisation.slug != options["organisation"]:
                raise CommandError(
                    f"{user} belongs to no organisation {options['organisation']}."
                )
        _key, secret = create_key(organisation, name=name, by=user)
        return secret
