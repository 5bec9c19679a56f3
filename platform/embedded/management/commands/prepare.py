"""Everything the database needs before the product starts; safe to run again."""

import io
import json
import logging
import os
from pathlib import Path
from typing import Any

import httpx
from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import CommandParser
from django.db import connection

from accounts.models import User
from community.forum.defaults import ensure_categories
from core.commands import ProductCommand
from embedded.modelservers import cards
from embedded.stack import load_secrets

# One call, to our own emulator, is nothing to report.
logging.getLogger("httpx").setLevel(logging.WARNING)

ROOT = Path(__file__).resolve().parents[4]
DOCS = (("docs/site/0.9", "0.9", False), ("docs/site/1.0", "1.0", True))


class Command(ProductCommand):
    """Migrates, loads plans, models and docs, and the demo on the first run."""

    help = "Prepare the database of this machine. Example: DEMO=0 manage.py prepare"

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--models",
            type=json.loads,
            help="addresses of the models served here, by name, as JSON",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0)
        is_new = not User.objects.exists()
        if is_new:
            self.empty_emulator()
        ensure_categories()
        call_command("stripe_sync_plans", verbosity=0)
        for folder, version, is_default in DOCS:
            if not (ROOT / folder).is_dir():
                continue
            call_command(
                "docs",
                "import",
                folder,
                version=version,
                default=is_default,
                # Our own pages come and go with the release.
                remove=True,
                verbosity=0,
            )
        key_file = settings.VAR_DIR / "demo-api-key"
        wants_demo = os.environ.get("DEMO", "1") != "0"
        if wants_demo and "seed_demo" in get_commands():
            if User.objects.filter(email="ada@demo.test").exists():
                call_command("seed_demo", catch_up=True)
            elif is_new:
                call_command("seed_demo", scale="s", seed=42)
                self.tidy_up()
            has_ada = User.objects.filter(email="ada@demo.test").exists()
            # One that was left there belongs to a database that is gone.
            if has_ada and (is_new or not key_file.exists()):
                self.write_key(key_file)
        # After the demo, which has offered them since its first day.
        call_command("catalog", "ensure", verbosity=0)
        if options["models"] is not None:
            kept = load_secrets(settings.VAR_DIR)
            cards.offer(options["models"], kept["MODEL_SERVER_KEY"])

    def empty_emulator(self) -> None:
        """Begin with an empty account: a new database knows none of its customers.

        The old ones belong to a database that is gone, or to a demo that was
        stopped half-way, of which the database kept nothing.
        """
        if settings.STRIPE_API_BASE:
            reset = f"{settings.STRIPE_API_BASE}/_emulator/reset"
            # It empties one file and lists nothing; what takes longer is stuck.
            httpx.post(reset, json={}, timeout=30)

    def tidy_up(self) -> None:
        """Have the first page planned on what is there, and nothing left for later."""
        with connection.cursor() as cursor:
            cursor.execute("VACUUM (ANALYZE, SKIP_LOCKED)")

    def write_key(self, key_file: Any) -> None:
        """Make the key the welcome shows; only this machine's owner reads it."""
        secret = call_command(
            "create_api_key", "ada@demo.test", name="Welcome", stdout=io.StringIO()
        )
        key_file.touch(mode=0o600)
        key_file.write_text(f"{secret}\n")
