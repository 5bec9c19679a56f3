from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class BadSignature(DomainError):
    """The delivery is not signed with one of our secrets."""

    code = "bad_signature"
    status = 403
    message = _("The signature does not match the body.")


class BadPayload(DomainError):
    """The delivery is signed but not what GitHub sends."""

    code = "bad_payload"
    status = 400
    message = _("The body is not a JSON object.")
