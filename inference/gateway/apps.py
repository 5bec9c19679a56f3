from django.apps import AppConfig


class GatewayConfig(AppConfig):
    """The OpenAI-compatible API."""

    name = "inference.gateway"
    label = "gateway"
