"""Why a number is not there: each "no data" says which of these it is."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Missing(models.TextChoices):
    """A reason code; its label is what pages show in the number's place."""

    NOBODY = "nobody", _("no data: nobody is counted here")
    NOBODY_PAID = "nobody_paid", _("no data: nobody has paid")
    NO_RATE = "no_rate", _("no data: no exchange rate is set")
    WINDOW_OPEN = "window_open", _("no data: nobody's window is over yet")
    TOO_FEW = "too_few", _("too few to compare")
    NOT_BEFORE = "not_before", _("nothing to compare with")
    TOO_UNEQUAL = "too_unequal", _("too few for payments this unequal")
    NOT_YET_HALF = "not_yet_half", _("no data: fewer than half have paid")
    NOT_THAT_OLD = "not_that_old", _("no data: nobody is that old yet")
    NO_START = "no_start", _("no data: nothing came in when this began")
    NO_LOSS = "no_loss", _("no data: nothing was lost, so there is no end to it")
    NO_MARGIN = "no_margin", _("none: the price does not cover the cost")
    NOT_EVEN_ALL = "not_even_all", _("none: not even if everybody converted")
    NOT_EVEN_FREE = "not_even_free", _("none: not even if a conversion cost nothing")
