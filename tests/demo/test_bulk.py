"""Tables are counted also while PostgreSQL works on one of them."""

import pytest
from django.db import connection, transaction

from demo.bulk import look_at_tables
from tests.races import together


@pytest.mark.parametrize("tables", [("forum_tag", "forum_topic"), ()])
@pytest.mark.django_db(transaction=True)
def test_a_table_that_is_being_worked_on_is_left_alone(tables: tuple[str, ...]) -> None:
    def look() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '1s'")
        look_at_tables(*tables)

    with transaction.atomic(), connection.cursor() as cursor:
        # As VACUUM and ANALYZE take it.
        cursor.execute("LOCK TABLE forum_tag IN SHARE UPDATE EXCLUSIVE MODE")

        assert together(look) == [None]
