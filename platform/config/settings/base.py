"""Production settings, driven by the environment alone."""

from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urlsplit

import django_stubs_ext
from csp.constants import NONCE, NONE, SELF
from django.utils.translation import gettext_lazy as _

from config import ROOT_DIR, env
from config.logging import build_logging
from config.payments import problems_with_stripe

django_stubs_ext.monkeypatch()

DEBUG = False
SECRET_KEY = env.own_secrets("SECRET_KEY", "development-only-secret-key")[0]
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
# Keys that encrypt secrets at rest, newest first; older ones only decrypt.
FIELD_KEYS = env.own_secrets("FIELD_KEYS", "development-only-field-key")
# The pepper of API keys, tokens and invitations: with another one none is found.
DIGEST_KEY = env.text("DIGEST_KEY") or FIELD_KEYS[-1]
SITE_URL = env.text("SITE_URL", "http://127.0.0.1:8000").rstrip("/")
SITE_NAME = "Doorstone"
# Pages of the operator; the footer links to those there are.
TERMS_URL = env.text("TERMS_URL")
PRIVACY_URL = env.text("PRIVACY_URL")
IMPRINT_URL = env.text("IMPRINT_URL")
ALLOWED_HOSTS = env.words(
    "ALLOWED_HOSTS", [urlsplit(SITE_URL).hostname or "", "127.0.0.1", "localhost"]
)
CSRF_TRUSTED_ORIGINS = [SITE_URL]
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", 0)
# What a scraper of /metrics sends; without one only this machine may read it.
METRICS_TOKEN = env.text("METRICS_TOKEN")
# After so many seconds without a word a stream is begun with comments, well before the
# minute after which proxies cut what is silent; 0 waits for the first word.
STREAM_COMMENTS_AFTER = env.integer("STREAM_COMMENTS_AFTER", 20)
# How many requests to /v1 one process works on at once; more are refused, with a
# hint when to come again; 0 refuses nobody. Streams are long and cost 0.4 MB each.
GATEWAY_REQUESTS_AT_ONCE = env.integer("GATEWAY_REQUESTS_AT_ONCE", 1_000)
# The same of pages: each has a thread, and who is the two hundredth waits for seconds.
WEB_REQUESTS_AT_ONCE = env.integer("WEB_REQUESTS_AT_ONCE", 200)
# Where traces go, if anywhere (edge.tracing); the SDK reads it, too.
OTEL_EXPORTER_OTLP_ENDPOINT = env.text("OTEL_EXPORTER_OTLP_ENDPOINT")
OTEL_SERVICE_NAME = env.text("OTEL_SERVICE_NAME", "doorstone")
# Where no model's server is, beside what never is (inference.providers.addresses).
UPSTREAM_DENIED_NETWORKS = env.words("UPSTREAM_DENIED_NETWORKS")
VAR_DIR = Path(env.text("VAR_DIR", str(ROOT_DIR / "var")))
# The read side of the event log; all of it can be made again (analytics).
ANALYTICS_DIR = Path(env.text("ANALYTICS_DIR", str(VAR_DIR / "analytics")))

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.sessions",
    "django.contrib.sitemaps",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.github",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "csp",
    "django_htmx",
    # For the names of countries in our languages.
    "django_countries",
    "drf_spectacular",
    "pgtrigger",
    "rest_framework",
    "accounts",
    "activity",
    "analytics",
    "audit",
    "design",
    "drafts",
    "entitlements",
    "jobs",
    "knowledge",
    "notifications",
    "operations",
    "outbox",
    "search",
    "community.contributions",
    "community.conversations",
    "community.docs",
    "community.forum",
    "community.moderation",
    "community.imports",
    "community.people",
    "community.profiles",
    "community.reputation",
    "community.standing",
    "community.trust",
    "inference.budgets",
    "inference.catalog",
    "inference.explorer",
    "inference.gateway",
    "inference.keys",
    "inference.offering",
    "inference.operating",
    "inference.playground",
    "inference.providers",
    "inference.caching",
    "inference.stored",
    "inference.transcripts",
    "inference.usage",
    "billing.approvals",
    "billing.attribution",
    "billing.catalogue",
    "billing.causes",
    "billing.forecast",
    "billing.pricelab",
    "billing.conversion",
    "billing.growth",
    "billing.credits",
    "billing.overage",
    "billing.ledger",
    "billing.plans",
    "billing.pricelists",
    "billing.quotes",
    "billing.refunds",
    "billing.referrals",
    "billing.stripe",
    "billing.subscriptions",
]

MIDDLEWARE = [
    "edge.middleware.request_id",
    "core.addresses.site_addresses",
    "edge.middleware.trusted_proxies",
    "edge.middleware.readable_cookies",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    # Before the files, which carry these headers too.
    "edge.middleware.security_headers",
    "csp.middleware.CSPMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    # Before anything reads a form.
    "edge.middleware.utf8_forms",
    # Outside everything that can refuse a form, the check of its token included.
    "drafts.middleware.keep_drafts",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.middleware.preferred_language",
    "accounts.middleware.preferred_time_zone",
    "django.middleware.locale.LocaleMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "accounts.middleware.session_activity",
    "django_htmx.middleware.HtmxMiddleware",
    "activity.middleware.visitor",
    "design.middleware.error_pages",
    "accounts.middleware.SecondFactorWall",
    "edge.throttling.rate_limit_headers",
    "accounts.idempotency.idempotent_calls",
    "edge.middleware.DomainErrors",
]

FORM_RENDERER = "edge.fields.Renderer"
ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"
APPEND_SLASH = True

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
                "design.context_processors.site",
            ],
        },
    }
]

# A pool serves the threads of the web process; workers keep one connection.
DATABASE_POOL = env.boolean("DATABASE_POOL")
DATABASES = {
    "default": {
        **env.database("DATABASE_URL"),
        "CONN_HEALTH_CHECKS": True,
        "CONN_MAX_AGE": 0 if DATABASE_POOL else 600,
        "OPTIONS": {
            "application_name": env.text("APPLICATION_NAME", "doorstone"),
            # Two seconds are the least libpq knows. A request waits for the pool
            # instead, and never longer than a second for a server that is away.
            "connect_timeout": 2,
            # A peer that vanished without a word is noticed within about ten seconds.
            "keepalives_idle": 5,
            "keepalives_interval": 2,
            "keepalives_count": 3,
            "tcp_user_timeout": 10_000,
            # Nobody waits longer than this for a page; jobs may.
            "options": env.text(
                "DATABASE_SESSION",
                "-c statement_timeout=5s -c lock_timeout=3s"
                " -c idle_in_transaction_session_timeout=10s"
                if DATABASE_POOL
                else "-c statement_timeout=15s -c lock_timeout=5s"
                " -c idle_in_transaction_session_timeout=30s",
            ),
            **(
                {
                    "pool": {
                        "min_size": 2,
                        "max_size": env.integer("DATABASE_POOL_SIZE", 10),
                    }
                }
                if DATABASE_POOL
                else {}
            ),
        },
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL", "redis://127.0.0.1:6379/0")
REDIS_CACHE_URL = env.text("REDIS_CACHE_URL", REDIS_URL)
REDIS_BROKER_URL = env.text("REDIS_BROKER_URL", REDIS_URL)
# Separates installations (and test workers) that share one Redis.
REDIS_PREFIX = env.text("REDIS_PREFIX", "ds:")

CACHES = {
    "default": {
        "BACKEND": "stores.cache.ForgivingRedisCache",
        "LOCATION": REDIS_CACHE_URL,
        "KEY_PREFIX": f"{REDIS_PREFIX}cache",
    }
}

CELERY_BROKER_URL = REDIS_BROKER_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_DEFAULT_QUEUE = "default"
# Tasks work in batches of seconds: one that goes on for five minutes hangs.
CELERY_TASK_TIME_LIMIT = 300
# It has half a minute to end by itself before it is killed.
CELERY_TASK_SOFT_TIME_LIMIT = 270
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# Waiting costs nothing, giving up costs a restart.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": f"{REDIS_PREFIX}celery:",
    "visibility_timeout": 600,
    # Without these two a killed worker's task waits for about 100 seconds.
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    # A worker's: requests publish over connections of their own (stores.nudging).
    "socket_timeout": 5,
    "socket_connect_timeout": 2,
}
CELERY_TASK_ROUTES = {
    "notifications.tasks.*": {"queue": "mail"},
    "billing.*": {"queue": "billing"},
    "inference.usage.*": {"queue": "usage"},
}

SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"
SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SAMESITE = "Lax"
IS_HTTPS = SITE_URL.startswith("https://")
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

# What embeds for the documentation assistants: any address that speaks OpenAI's
# /v1/embeddings for this model. Empty: they search by words alone.
EMBEDDINGS_URL = env.text("EMBEDDINGS_URL").rstrip("/")
EMBEDDINGS_KEY = env.text("EMBEDDINGS_KEY")
EMBEDDINGS_MODEL = env.text("EMBEDDINGS_MODEL", "multilingual-e5-small")

STRIPE_API_BASE = env.text("STRIPE_API_BASE").rstrip("/")
STRIPE_SECRET_KEY = env.text("STRIPE_SECRET_KEY")
STRIPE_WEBHOOK_SECRETS = env.words("STRIPE_WEBHOOK_SECRETS")
STRIPE_HOSTS = (
    [STRIPE_API_BASE]
    if STRIPE_API_BASE
    else ["https://checkout.stripe.com", "https://billing.stripe.com"]
)

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "manifest-src": [SELF],
        # A form that ends at the hosted checkout is redirected there.
        "form-action": [SELF, *STRIPE_HOSTS],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = [
    "allauth.account.auth_backends.AuthenticationBackend",
]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("UserAttributeSimilarityValidator", {}),
        ("MinimumLengthValidator", {"min_length": 10}),
        ("CommonPasswordValidator", {}),
    )
]
# Who asks for a link reads the mail at once; Django's three days suit a thief.
PASSWORD_RESET_TIMEOUT = 3600
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "accounts:console"
LOGOUT_REDIRECT_URL = "/"

ACCOUNT_ADAPTER = "accounts.adapters.AccountAdapter"
SOCIALACCOUNT_ADAPTER = "accounts.adapters.SocialAccountAdapter"
MFA_ADAPTER = "accounts.adapters.MFAAdapter"
ACCOUNT_FORMS = {
    "add_email": "accounts.entrance_forms.AddEmailForm",
    "change_password": "accounts.entrance_forms.ChangePasswordForm",
    "reset_password": "accounts.entrance_forms.ResetPasswordForm",
    "signup": "accounts.entrance_forms.SignupForm",
}
SOCIALACCOUNT_FORMS = {"signup": "accounts.entrance_forms.SocialSignupForm"}
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "username*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = "username"
# Shorter names are addresses people hope for, and there are few of them.
ACCOUNT_USERNAME_MIN_LENGTH = 3
ACCOUNT_USERNAME_VALIDATORS = "accounts.validators.USERNAME_VALIDATORS"
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# allauth's own: long enough to make a key and a second one.
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
ACCOUNT_LOGIN_ON_EMAIL_CONFIRMATION = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if IS_HTTPS else "http"
# Limits are ours, with an exact Retry-After: accounts.entrance and accounts.limits.
ACCOUNT_RATE_LIMITS: dict[str, str | None] = {
    "change_password": None,
    "confirm_email": None,
    "login": None,
    "login_failed": None,
    "manage_email": None,
    "reauthenticate": None,
    "reset_password": None,
    "reset_password_from_key": None,
    "signup": None,
}
MFA_FORMS = {"activate_totp": "accounts.entrance_forms.ActivateTOTPForm"}
MFA_RATE_LIMITS: dict[str, str | None] = {"webauthn_login": None}
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXIES
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not IS_HTTPS
MFA_TOTP_ISSUER = SITE_NAME
# Staff, and owners and billing of a team, need one. A week is long enough to come back
# from a journey or to be sent a security key, and too short to forget about it.
SECOND_FACTOR_REQUIRED = env.boolean("SECOND_FACTOR_REQUIRED", default=True)
# A week, as said above.
SECOND_FACTOR_GRACE_DAYS = env.integer("SECOND_FACTOR_GRACE_DAYS", 7)
if not 0 <= SECOND_FACTOR_GRACE_DAYS <= 30:
    env.problems.append("SECOND_FACTOR_GRACE_DAYS: expected 0 to 30 days.")
# Every request would write; accounts.middleware.session_activity writes seldom.
USERSESSIONS_TRACK_ACTIVITY = False
SOCIALACCOUNT_EMAIL_AUTHENTICATION = False
SOCIALACCOUNT_STORE_TOKENS = False
SOCIALACCOUNT_PROVIDERS: dict[str, dict[str, object]] = {}
if env.text("GITHUB_CLIENT_ID"):
    SOCIALACCOUNT_PROVIDERS["github"] = {
        "APPS": [
            {
                "client_id": env.text("GITHUB_CLIENT_ID"),
                "secret": env.secret("GITHUB_CLIENT_SECRET"),
            }
        ],
        "SCOPE": ["read:user", "user:email"],
    }
if env.text("OIDC_SERVER_URL"):
    SOCIALACCOUNT_PROVIDERS["openid_connect"] = {
        "APPS": [
            {
                "provider_id": "oidc",
                "name": env.text("OIDC_NAME", "Single sign-on"),
                "client_id": env.secret("OIDC_CLIENT_ID"),
                "secret": env.secret("OIDC_CLIENT_SECRET"),
                "settings": {"server_url": env.text("OIDC_SERVER_URL")},
            }
        ]
    }
GITHUB_WEBHOOK_SECRETS = env.words("GITHUB_WEBHOOK_SECRETS")

EMAIL_URL = env.url("EMAIL_URL")
# Sending writes a mail into the database; a worker hands it to the transport.
EMAIL_BACKEND = "notifications.backend.EmailBackend"
MAIL_TRANSPORT = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = (EMAIL_URL and EMAIL_URL.hostname) or "127.0.0.1"
EMAIL_PORT = (EMAIL_URL and EMAIL_URL.port) or 25
EMAIL_HOST_USER = unquote((EMAIL_URL and EMAIL_URL.username) or "")
EMAIL_HOST_PASSWORD = unquote((EMAIL_URL and EMAIL_URL.password) or "")
EMAIL_USE_TLS = bool(EMAIL_URL and EMAIL_URL.scheme == "smtp+tls")
EMAIL_USE_SSL = bool(EMAIL_URL and EMAIL_URL.scheme == "smtps")
# Some servers make strangers wait for their greeting; only workers speak to them.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "Doorstone <hello@doorstone.test>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("zh-hans", _("Simplified Chinese"))]
LOCALE_PATHS = [ROOT_DIR / "platform" / "design" / "locale"]
FORMAT_MODULE_PATH = "design.formats"
TIME_ZONE = "UTC"
USE_TZ = True
# How many in a hundred are never offered anything, to compare the others with.
GROWTH_HOLDOUT_PERCENT = env.integer("GROWTH_HOLDOUT_PERCENT", 10)
# The day of every report: conversion windows and charts are cut in this zone.
REPORTING_TIME_ZONE = env.text("REPORTING_TIME_ZONE", "Asia/Shanghai")
# Figures are in one currency; invoices in another stay in the ledger.
REPORTING_CURRENCY = env.text("REPORTING_CURRENCY", "usd").lower()
# Above these one of staff asks and another one decides. In whole units of the money at
# hand: about a month of a large team, so that everyday help needs nobody else.
SECOND_PERSON_CREDIT = env.integer("SECOND_PERSON_CREDIT", 1_000)
SECOND_PERSON_REFUND = env.integer("SECOND_PERSON_REFUND", 1_000)  # as above
# In percent: more than a year's price takes off the month's.
SECOND_PERSON_DISCOUNT = env.integer("SECOND_PERSON_DISCOUNT", 20)
# What a US dollar is worth in it, and since when: models cost dollars.
REPORTING_USD_RATE = env.dated_rate("REPORTING_USD_RATE")

STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT", str(VAR_DIR / "static")))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
# Django's own, said because the limits of edge.parsers stay below it.
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": [
        "rest_framework.permissions.IsAuthenticatedOrReadOnly"
    ],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["edge.parsers.JSONParser"],
    "URL_FORMAT_OVERRIDE": None,
    "DEFAULT_SCHEMA_CLASS": "edge.schema.Schema",
    "DEFAULT_THROTTLE_CLASSES": ["edge.throttling.CallLimit"],
    "EXCEPTION_HANDLER": "edge.rest.exception_handler",
    "NUM_PROXIES": TRUSTED_PROXIES,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
# Ten a second: a script that reads a list page by page is not slowed down. Without
# a sign-in two a second, as many may share an address.
REST_CALLS_PER_MINUTE = {
    "person": env.integer("REST_CALLS_PER_MINUTE", 600),
    "address": env.integer("REST_ANONYMOUS_CALLS_PER_MINUTE", 120),
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Doorstone REST API",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": "/api/v1",
    # One name for each set of choices, where fields of several kinds share a word.
    "ENUM_NAME_OVERRIDES": {
        "AccessEnum": "community.forum.models.Access",
        "TopicKindEnum": "community.forum.models.Topic.Kind",
        "IdeaStateEnum": "community.forum.models.Topic.IdeaState",
        "PollResultsEnum": "community.forum.models.Poll.Results",
        "SanctionKindEnum": "community.standing.models.Sanction.Kind",
        "CaseKindEnum": "community.moderation.models.Case.Kind",
        "CaseOutcomeEnum": "community.moderation.models.Case.Outcome",
    },
}

if env.text("SENTRY_DSN"):
    from config import sentry

    sentry.start(env.text("SENTRY_DSN"))

# Development conveniences outside development are mistakes, not choices.
IS_DEVELOPMENT = env.boolean("DOORSTONE_DEVELOPMENT")
env.problems.extend(
    problems_with_stripe(
        key=STRIPE_SECRET_KEY,
        api_base=STRIPE_API_BASE,
        webhook_secrets=STRIPE_WEBHOOK_SECRETS,
        is_development=IS_DEVELOPMENT,
    )
)
if not IS_DEVELOPMENT and not EMAIL_URL:
    env.problems.append("EMAIL_URL is not set: smtp+tls://user:password@host:587")
if not IS_DEVELOPMENT and not SECOND_FACTOR_REQUIRED:
    env.problems.append("SECOND_FACTOR_REQUIRED=0 is for development alone.")

LOGGING = build_logging(as_json=not IS_DEVELOPMENT)
LOGGING_CONFIG = "logging.config.dictConfig"

env.report()
