"""Where an offer may be shown."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Surface(models.TextChoices):
    """A place that asks growth what to show, or that growth writes to."""

    CONSOLE = "console", _("Console")
    PLAYGROUND = "playground", _("Playground")
    PRICING = "pricing", _("Pricing page")
    CHECKOUT = "checkout", _("Review of an order")
    CANCEL = "cancel", _("Leaving a plan")
    GATEWAY = "gateway", _("Refusals of the API")
    MAIL = "mail", _("Mail")


# Pages that pull a fragment by its address; the others are asked for or written to.
PULLED = frozenset(
    {Surface.CONSOLE, Surface.PLAYGROUND, Surface.PRICING, Surface.CHECKOUT}
)
