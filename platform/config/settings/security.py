"""Sessions, cookies and TLS."""

from datetime import timedelta
from urllib.parse import urlsplit

from config import env
from config.settings.site import IS_HTTPS, SITE_URL, TRUSTED_PROXIES

SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = LANGUAGE_COOKIE_SECURE = IS_HTTPS
SESSION_COOKIE_NAME = "__Host-session" if IS_HTTPS else "ds_session"
CSRF_COOKIE_NAME = "__Host-csrf" if IS_HTTPS else "ds_csrf"
LANGUAGE_COOKIE_NAME = "ds_language"
SECURE_SSL_REDIRECT = IS_HTTPS and env.boolean("SECURE_SSL_REDIRECT", default=True)
# The redirect leads to the site, whatever host was asked for.
SECURE_SSL_HOST = urlsplit(SITE_URL).netloc
# A proxy that ends TLS says so in a header; without one any client could.
SECURE_PROXY_SSL_HEADER = (
    ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
)
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]
# Two years; less while TLS is on trial.
SECURE_HSTS_SECONDS = env.integer("HSTS_SECONDS", 63_072_000) if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = IS_HTTPS and env.boolean(
    "HSTS_SUBDOMAINS", default=True
)
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
# Subdomains belong to others, and preloading cannot be taken back quickly: neither is
# ours to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
CSRF_FAILURE_VIEW = "design.views.csrf_failure"
