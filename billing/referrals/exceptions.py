"""The ways referrals say no."""

from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class ReferralDecided(DomainError):
    """Nothing is to be decided about it: it was, or nothing speaks against it."""

    code = "referral_decided"
    message = _("This referral was decided already. Nothing was changed.")
