from django.apps import AppConfig


class PlansConfig(AppConfig):
    """Plans, their versions, prices and features."""

    name = "billing.plans"
    label = "plans"
