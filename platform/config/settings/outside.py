"""What the product speaks to beside its own servers: embeddings, Stripe, mail."""

from urllib.parse import unquote

from config import env

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
