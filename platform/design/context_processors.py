from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import get_language

from accounts.preferences import theme_of

# BCP 47 tags of the languages Django names in its own way.
_TAGS = {"zh-hans": "zh-Hans"}


def site(request: HttpRequest) -> dict[str, object]:
    """Give every template the site's name, address, theme and language."""
    language = get_language() or settings.LANGUAGE_CODE
    return {
        "site_name": settings.SITE_NAME,
        "site_url": settings.SITE_URL,
        "theme": theme_of(request),
        "html_lang": _TAGS.get(language, language),
    }
