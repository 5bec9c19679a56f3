from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import connection
from django.template.defaultfilters import filesizeformat

from accounts.models import User
from analytics import feed as feeding
from analytics import services
from analytics.engines import engine
from core.commands import ProductCommand

ACTS = ("feed", "rebuild", "status", "allow", "disallow")


class Command(ProductCommand):
    """Keeps the read side of the event log."""

    help = (
        "Bring the read side up to the log, build it again, or say how far it is; let "
        "staff see who is behind numbers. Examples: manage.py analytics feed; "
        "manage.py analytics allow ada@example.com"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("what", choices=list(ACTS))
        parser.add_argument("email", nargs="?", default="", help="for allow, disallow")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["what"] == "status":
            self._say_status()
            return
        if options["what"] in {"allow", "disallow"}:
            self._allow(options["email"], is_allowed=options["what"] == "allow")
            return
        with connection.cursor() as cursor:
            # A batch of the log takes as long as it takes.
            cursor.execute("SET statement_timeout = 0")
        act = feeding.feed if options["what"] == "feed" else feeding.rebuild
        done = act()
        if done is None:
            raise CommandError("Another process is feeding it now; try again later.")
        self.stdout.write(f"{done.rows} events fed, {done.admitted} admitted.")
        if not done.is_complete:
            self.stdout.write("The rest waits for transactions that are still open.")

    def _allow(self, email: str, *, is_allowed: bool) -> None:
        user = User.objects.filter(email__iexact=email, is_staff=True).first()
        if user is None:
            raise CommandError(f"Nobody on the staff has the address “{email}”.")
        services.allow_people(user, is_allowed=is_allowed)
        seen = "names" if is_allowed else "masked names"
        self.stdout.write(f"{user.username} sees {seen} behind numbers.")

    def _say_status(self) -> None:
        state = engine().state()
        lag = feeding.lag_of(state.complete_at)
        since = "never complete" if lag is None else f"{lag:.0f} s behind"
        self.stdout.write(
            f"{state.rows} events, {state.quarantined} in quarantine, {since}; "
            f"{state.files} files, {filesizeformat(state.size)}."
        )
