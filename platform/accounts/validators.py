from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.utils.translation import gettext_lazy as _

from core.names import measure, taken_at

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


class SaysEnough:
    """Refuses a name that says less than ``least`` Latin letters do.

    A Chinese character says as much as two: 李明 is a name, and so is 云 of a team.
    """

    def __init__(self, least: int) -> None:
        self.least = least

    def __call__(self, name: str) -> None:
        if measure(name) < self.least:
            raise ValidationError(
                _(
                    "Choose a longer name: %(least)d letters, or half as many in Chinese."
                ),
                params={"least": self.least},
            )


# Shorter names are addresses people hope for, and there are few of them.
LEAST_USERNAME = 3
# Latin letters, digits, hyphen, underscore and Han; a username is part of a URL.
USERNAME_VALIDATORS = [
    RegexValidator(
        r"^[A-Za-z0-9_\u4e00-\u9fff][A-Za-z0-9_\-\u4e00-\u9fff]{1,38}\Z",
        _("Use letters, digits, hyphens and underscores."),
    ),
    SaysEnough(LEAST_USERNAME),
    refuse_taken,
]
