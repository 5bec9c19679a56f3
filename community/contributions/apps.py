from django.apps import AppConfig


class ContributionsConfig(AppConfig):
    """Credit for work done on code and docs."""

    name = "community.contributions"
    label = "contributions"

    def ready(self) -> None:
        from community.contributions import subscribers  # noqa: F401
        from community.contributions.jobs import KIND
        from community.contributions.own_data import contributions
        from jobs.registry import register
        from privacy.registry import register_part

        register(KIND)
        register_part("contributions", contributions)
