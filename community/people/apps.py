from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from edge.menus import Menu, MenuEntry


class PeopleConfig(AppConfig):
    """People and where they stand to each other."""

    name = "community.people"
    label = "people"
    menu = (
        MenuEntry(
            Menu.ACCOUNT, 95, _("People I follow"), "people:stance-list", "users"
        ),
    )

    def ready(self) -> None:
        from community.people import subscribers  # noqa: F401
        from community.people.own_data import stances
        from community.people.queries import hearing_nothing_of, silenced_by
        from notifications import registry as notifications
        from privacy.registry import register_part

        register_part("people", stances)
        notifications.register_silence(deaf_to=hearing_nothing_of, muted_by=silenced_by)
