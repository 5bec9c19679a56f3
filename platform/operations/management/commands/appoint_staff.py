from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.models import User
from core.commands import ProductCommand
from operations.services import appoint_staff


class Command(ProductCommand):
    """Makes a user a member of staff."""

    help = (
        "Make a person staff. They sign up like everybody; there is no default "
        "account. Example: manage.py appoint_staff ada@example.com"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("email")

    def handle(self, *args: Any, email: str, **options: Any) -> None:
        user = User.objects.filter(email__iexact=email, is_active=True).first()
        if user is None:
            raise CommandError(
                f"Nobody signed up as {email}: sign up on the site, then run this again."
            )
        appoint_staff(user)
        self.stdout.write(f"{user.username} is staff now.")
