"""Passwords, second factors, and other ways to sign in."""

from config import env
from config.settings.site import IS_HTTPS, SITE_NAME, TRUSTED_PROXIES

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
# How much a name says is measured by its validators: two Chinese characters do.
ACCOUNT_USERNAME_MIN_LENGTH = 2
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
# Who closes their account has so many days to take it back. Two weeks outlast a bad day
# and a holiday, and leave as many before the month that the law gives us to erase. Two
# at least: a payment page that was open at the closing has ended by then.
ACCOUNT_GRACE_DAYS = env.integer("ACCOUNT_GRACE_DAYS", 14)
if not 2 <= ACCOUNT_GRACE_DAYS <= 28:
    env.problems.append("ACCOUNT_GRACE_DAYS: expected 2 to 28 days.")
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
