from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

# Latin letters, digits, hyphen, underscore and Han; a username is part of a URL.
USERNAME_VALIDATORS = [
    RegexValidator(
        r"^[A-Za-z0-9_\u4e00-\u9fff][A-Za-z0-9_\-\u4e00-\u9fff]{1,38}$",
        _("Use letters, digits, hyphens and underscores."),
    )
]
