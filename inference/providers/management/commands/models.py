"""Models of other servers: tried, offered, listed, put on the list and taken off."""

import getpass
import os
import sys
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from core.commands import ProductCommand
from core.errors import DomainError
from core.money import NANO
from inference.catalog import services
from inference.catalog.models import SERVED_HERE, Model
from inference.catalog.queries import with_current_prices
from inference.providers import adding, gguf
from inference.providers.compatibility import Incompatible, Report

OWN = {"gguf", "vllm", "ollama"}
PRICES = ("price_in", "price_out", "cost_in", "cost_out")


class Command(ProductCommand):
    """Offers a model after it has shown that it works, and looks after the list."""

    help = (
        "Try and offer a model. Example: manage.py models add ollama "
        "http://127.0.0.1:11434 --upstream qwen3:8b --publish"
    )

    def add_arguments(self, parser: CommandParser) -> None:
        actions = parser.add_subparsers(dest="action", required=True)
        add = actions.add_parser("add", help="try a model, then offer it")
        add.add_argument("kind", choices=sorted(adding.TITLES))
        add.add_argument("where", metavar="URL|PATH")
        add.add_argument("--name", default="", help="what callers call it")
        add.add_argument("--upstream", default="", help="what the server calls it")
        add.add_argument("--title", default="")
        add.add_argument("--edition", choices=Model.Edition.values, default="open")
        add.add_argument("--licence", default="")
        add.add_argument("--summary", default="")
        add.add_argument("--summary-zh", default="")
        add.add_argument("--context", type=int, default=0, help="tokens it takes")
        add.add_argument(
            "--key-env", default="", metavar="NAME", help="the variable with its key"
        )
        add.add_argument("--ask-key", action="store_true", help="type its key")
        for name in PRICES:
            add.add_argument(
                f"--{name.replace('_', '-')}",
                help="US dollars per million tokens",
            )
        add.add_argument("--publish", action="store_true", help="put it on the list")
        actions.add_parser("list", help="every model and where it runs")
        for action, told in (
            ("publish", "put a draft on the list"),
            ("remove", "take a model off the list, and its address and key"),
        ):
            one = actions.add_parser(action, help=told)
            one.add_argument("name")

    def handle(self, *args: Any, **options: Any) -> None:
        actions: dict[str, Callable[[dict[str, Any]], None]] = {
            "add": self.add,
            "list": self.list,
            "publish": self.publish,
            "remove": self.remove,
        }
        try:
            actions[options["action"]](options)
        except (Incompatible, gguf.NotServed) as error:
            raise CommandError(f"Nothing was written. {error}") from error
        except DomainError as error:
            raise CommandError(f"Nothing was written. {error}") from error

    def add(self, options: dict[str, Any]) -> None:
        """Try a model, then write it."""
        kind = options["kind"]
        rates = self.rates(kind, options)
        if kind == "gguf":
            self.add_file(rates, options)
            return
        address = adding.address_of(kind, options["where"])
        place = adding.place_at(address, self.key(options), {})
        listed = adding.listed_at(place)
        self.ok(f"{address} lists {len(listed)}.")
        upstream = self.chosen(listed, options)
        name = options["name"] or upstream
        self.refuse_taken(name)
        report = self.tried(place, upstream, listed[upstream])
        if kind == "ollama" and not options["context"]:
            self.bound_by_ollama(address, upstream, report)
        self.write(place, report, self.wish(name, rates, options), kind)

    def add_file(self, rates: services.Rates, options: dict[str, Any]) -> None:
        """Have ``make run`` serve a file, try it, and keep it only if it works."""
        path = Path(options["where"]).expanduser().resolve()
        gguf.check_file(path)
        name = options["name"] or path.stem
        self.refuse_taken(name)
        context = options["context"] or adding.CONTEXT
        gguf.want(name, gguf.Wanted(path=str(path), context=context))
        try:
            self.stdout.write(f"waiting for {path.name} to be loaded …")
            found = gguf.wait_until_served(name)
            place = adding.place_at(found.url, found.key, SERVED_HERE)
            entry = adding.listed_at(place)
            self.ok(f"It is served at {found.url}.")
            upstream = adding.chosen(entry, name)
            report = self.tried(place, upstream, {})
            report.context_tokens = context
            self.write(place, report, self.wish(name, rates, options), "gguf")
        except BaseException:
            gguf.forget(name)
            raise

    def list(self, _options: dict[str, Any]) -> None:
        """Print every model with its price and where it runs."""
        models = with_current_prices(Model.objects.order_by("slug")).prefetch_related(
            "deployments"
        )
        for model in models:
            price = next(iter(getattr(model, "current", ())), None)
            sold = (
                f"${price.price_in / NANO:g} in, ${price.price_out / NANO:g} out"
                if price
                else "no price"
            )
            self.stdout.write(f"{model.slug}: {model.edition}, {model.status}, {sold}")
            for place in model.deployments.all():
                state = "" if place.is_enabled else " (not served now)"
                where = place.base_url or "in this product"
                self.stdout.write(f"    {place.provider} {where}{state}")

    def publish(self, options: dict[str, Any]) -> None:
        """Put a draft on the list."""
        model = self.model(options["name"])
        if not model.deployments.exists():
            raise CommandError(f"{model.slug} runs nowhere; add it again.")
        services.release(model)
        self.stdout.write(f"{model.slug} is on the list: {model.get_absolute_url()}")

    def remove(self, options: dict[str, Any]) -> None:
        """Take a model off the list; what was used and paid stays written."""
        model = self.model(options["name"])
        services.retire(model)
        gguf.forget(model.slug)
        self.stdout.write(
            f"{model.slug} is off the list. Its address and key are gone; its prices "
            "and what was used stay."
        )

    def tried(self, place: Any, upstream: str, entry: dict[str, Any]) -> Report:
        """Try a model and say what it can do, line by line."""
        report = adding.examine(place, upstream, entry)
        for sentence in report.passed:
            self.ok(sentence)
        for sentence in report.notes:
            self.stdout.write(f"{self.style.WARNING('note')} {sentence}")
        return report

    def write(self, place: Any, report: Report, wish: adding.Wish, kind: str) -> None:
        """Offer a model that was tried."""
        if not (wish.context_tokens or report.context_tokens):
            self.stdout.write(
                f"{self.style.WARNING('note')} The server does not tell its context: "
                f"{adding.CONTEXT} tokens are taken, --context says another number."
            )
        summary = f"{report.upstream_model}, served by {adding.TITLES[kind]}."
        wish.fields.setdefault("summary", summary)
        model = adding.offer(place, report, wish)
        if wish.is_published:
            page = model.get_absolute_url()
            self.stdout.write(f"{model.slug} is on the list: {page}")
        else:
            self.stdout.write(
                f"{model.slug} is a draft, which nobody can call yet: "
                f"manage.py models publish {model.slug}"
            )

    def wish(
        self, name: str, rates: services.Rates, options: dict[str, Any]
    ) -> adding.Wish:
        if options["context"] < 0:
            raise CommandError("--context is a number of tokens above 0.")
        said = ("licence", "summary", "summary_zh")
        return adding.Wish(
            name=name,
            rates=rates,
            context_tokens=options["context"],
            is_published=options["publish"],
            fields={
                "title": options["title"] or name,
                "edition": options["edition"],
                **{each: options[each] for each in said if options[each]},
            },
        )

    def rates(self, kind: str, options: dict[str, Any]) -> services.Rates:
        """Return what tokens sell for and cost: nothing on hardware of one's own."""
        said = [options[name] for name in PRICES]
        if kind not in OWN and None in said:
            if not sys.stdin.isatty():
                raise CommandError(
                    "Say what its tokens sell for and cost, in US dollars per million: "
                    "--price-in 0.20 --price-out 0.60 --cost-in 0.05 --cost-out 0.15"
                )
            said = [
                input(f"{name.replace('_', ' ')}, US dollars per million tokens: ")
                if value is None
                else value
                for name, value in zip(PRICES, said, strict=True)
            ]
        try:
            amounts = [Decimal(value or "0") for value in said]
        except InvalidOperation as error:
            raise CommandError("A price is a number, such as 0.20.") from error
        if not all(each.is_finite() and 0 <= each < 1_000_000 for each in amounts):
            raise CommandError("A price is a number from 0 on, such as 0.20.")
        price_in, price_out, cost_in, cost_out = map(str, amounts)
        return services.Rates.from_dollars(price_in, price_out, cost_in, cost_out)

    def key(self, options: dict[str, Any]) -> str:
        """Return the server's key: from the environment or typed, never an argument."""
        if options["ask_key"]:
            return getpass.getpass("Key: ").strip()
        name = options["key_env"]
        if not name:
            return ""
        if not (key := os.environ.get(name, "").strip()):
            raise CommandError(f"There is no variable {name}, or it is empty.")
        return key

    def chosen(self, listed: dict[str, Any], options: dict[str, Any]) -> str:
        wanted: str = options["upstream"]
        if not wanted and len(listed) > 1 and sys.stdin.isatty():
            self.stdout.write("\n".join(f"  {name}" for name in sorted(listed)))
            wanted = input("Which? ").strip()
        try:
            return adding.chosen(listed, wanted)
        except adding.Ambiguous as error:
            raise CommandError(
                f"Nothing was written. {error} Choose one with --upstream."
            ) from error

    def bound_by_ollama(self, address: str, upstream: str, report: Report) -> None:
        """Say what Ollama does not tell over the protocol: how much it really keeps."""
        most = adding.context_in_ollama(address, upstream)
        report.context_tokens = min(most or adding.CONTEXT, adding.CONTEXT)
        self.stdout.write(
            f"{self.style.WARNING('note')} Ollama keeps {adding.CONTEXT} tokens of a "
            f"conversation unless OLLAMA_CONTEXT_LENGTH says otherwise (the model takes "
            f"{most or 'an unknown number'}): --context says how many."
        )

    def refuse_taken(self, name: str) -> None:
        """Raise for a name in use, so that nothing is replaced unawares."""
        found = Model.objects.filter(slug=name).exclude(status=Model.Status.RETIRED)
        if found.exists():
            raise CommandError(
                f"Nothing was written. There is a model {name} already: choose another "
                f"--name, or `manage.py models remove {name}` first."
            )

    def model(self, name: str) -> Model:
        model = Model.objects.filter(slug=name).first()
        if model is None:
            raise CommandError(f"There is no model {name}: see manage.py models list.")
        return model

    def ok(self, sentence: str) -> None:
        self.stdout.write(f"{self.style.SUCCESS('ok  ')} {sentence}")
