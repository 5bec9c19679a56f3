"""What the end of an account leaves behind: mails, facts and lines of the record."""

from audit.models import Record
from notifications.models import EmailMessage
from outbox.models import Event


def mails_to(address: str) -> list[str]:
    mails = EmailMessage.objects.filter(to=address).order_by("pk")
    return list(mails.values_list("subject", flat=True))


def facts() -> list[str]:
    names = Event.objects.filter(name__startswith="Account").order_by("pk")
    return list(names.values_list("name", flat=True))


def actions() -> list[str]:
    records = Record.objects.filter(action__startswith="person.").order_by("pk")
    return list(records.values_list("action", flat=True))
