from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class BrokenLinks(DomainError):
    """Pages link to pages that are not there; ``details["broken"]`` lists them."""

    code = "broken_links"
    message = _("Some links lead nowhere.")


class BadVersionName(DomainError):
    """A version is part of an address, so its name has to fit into one."""

    code = "bad_version_name"
    message = _(
        "A version is called like 1.0 or 2024-05: letters, digits, full stops and"
        " hyphens, at most 40."
    )


class PagesWouldVanish(DomainError):
    """Pages that are shown have no source any more; ``details["pages"]`` lists them."""

    code = "pages_would_vanish"
    message = _("Pages that are shown now would vanish.")


class VersionIsDefault(DomainError):
    """Readers of ``/docs/`` would find nothing, or what is no longer current."""

    code = "version_is_default"
    message = _("This is the version people read. Make another the default first.")
