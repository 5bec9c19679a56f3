from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from core.names import taken_at

# Who speaks for this site, in the words people would believe.
_OFFICIAL = frozenset(
    {
        *("admin", "administrator", "billing", "doorstone", "everybody", "everyone"),
        *("help", "helpdesk", "mod", "moderator", "moderators", "official", "root"),
        *("security", "service", "staff", "support", "system", "team", "webmaster"),
        *(
            "官方",
            "客服",
            "管理员",
            "管理員",
            "版主",
            "系统",
            "系統",
            "运营",
            "官方客服",
        ),
    }
)
# Signs that pass for a letter at a glance.
_LOOKS_LIKE = str.maketrans("013457", "oleast")


def _looks(name: str) -> str:
    """Return what a name looks like: without marks, and digits as letters."""
    plain = name.lower().replace("-", "").replace("_", "")
    return plain.translate(_LOOKS_LIKE).replace("l", "i")


_TAKEN_LOOKS = frozenset(_looks(name) for name in _OFFICIAL)


def refuse_taken(name: str) -> None:
    """Refuse names that are an address, or that speak for the site."""
    if name.lower() in taken_at("u/") or _looks(name) in _TAKEN_LOOKS:
        raise ValidationError(_("This name is kept for the site. Choose another."))


# Latin letters, digits, hyphen, underscore and Han; a username is part of a URL.
USERNAME_VALIDATORS = [
    RegexValidator(
        r"^[A-Za-z0-9_\u4e00-\u9fff][A-Za-z0-9_\-\u4e00-\u9fff]{1,38}\Z",
        _("Use letters, digits, hyphens and underscores."),
    ),
    refuse_taken,
]
