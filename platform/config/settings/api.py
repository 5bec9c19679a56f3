"""The REST API and its description."""

from config import env
from config.settings.site import TRUSTED_PROXIES

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
