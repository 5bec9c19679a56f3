"""Where this installation is, its secrets, and how much it takes at once."""

from pathlib import Path
from urllib.parse import urlsplit

from config import ROOT_DIR, env

DEBUG = False
SECRET_KEY = env.own_secrets("SECRET_KEY", "development-only-secret-key")[0]
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS")
# Keys that encrypt secrets at rest, newest first; older ones only decrypt.
FIELD_KEYS = env.own_secrets("FIELD_KEYS", "development-only-field-key")
# The pepper of API keys, tokens and invitations: with another one none is found.
DIGEST_KEY = env.text("DIGEST_KEY") or FIELD_KEYS[-1]
SITE_URL = env.text("SITE_URL", "http://127.0.0.1:8000").rstrip("/")
IS_HTTPS = SITE_URL.startswith("https://")
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
