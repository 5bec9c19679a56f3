from django.utils.translation import gettext_lazy as _

from core.errors import DomainError


class ProjectNameTaken(DomainError):
    """The organisation has a project of that name."""

    code = "project_name_taken"
    message = _("There is a project of this name already.")
