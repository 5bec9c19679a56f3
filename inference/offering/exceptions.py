from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class NameTaken(DomainError):
    """A model of that name is there, maybe a draft or a retired one."""

    code = "name_taken"
    message = _("There is a model of this name already: open it, or choose another.")
