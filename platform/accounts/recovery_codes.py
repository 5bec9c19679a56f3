"""Recovery codes, shown for some minutes after they were made."""

from typing import Any

from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.views import ViewRecoveryCodesView

from edge import shown_once


class RecoveryCodesView(ViewRecoveryCodesView):  # type: ignore[misc]
    """My recovery codes, for some minutes and in this session only.

    allauth shows them to the first GET alone: another language, a reload or the way
    back would have lost them.
    """

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Add what was shown just before. Raises ``ReauthenticationRequired``."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        made = Authenticator.objects.get(
            user=self.request.user, type=Authenticator.Type.RECOVERY_CODES
        )
        # By its number: codes made since, here or elsewhere, are others.
        name = f"recovery-codes:{made.pk}"
        if context["can_view_codes"]:
            codes = context["unused_codes"]
            shown_once.hold(self.request, name, {"codes": " ".join(codes)})
        elif held := shown_once.held(self.request, name):
            context |= {
                "unused_codes": held["codes"].split(),
                "can_view_codes": True,
                "can_generate_codes": False,
            }
        return context
