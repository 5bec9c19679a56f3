from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.models import User
from core.commands import ProductCommand
from operations.services import remove_second_factor


class Command(ProductCommand):
    """Helps a user who lost their second factor and its recovery codes."""

    help = (
        "Take a person's second factors away and end their sessions; their password "
        "stays. Make sure first that it is they who ask. "
        "Example: manage.py remove_second_factor ada@example.com"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        user = User.objects.filter(email__iexact=email).first()
        if user is None:
            raise CommandError(f"Nobody signed up as {email}.")
        if not remove_second_factor(user):
            raise CommandError(f"{user.username} has no second factor.")
        self.stdout.write(f"{user.username} signs in with the password alone now.")
