"""Django's PostgreSQL backend with deadlines, and a breaker for all its connections."""

import time
from typing import Any

import psycopg
from django.db.backends.postgresql import base
from psycopg_pool import PoolTimeout

from stores.postgresql import driver
from stores.postgresql.driver import SILENCE, BoundedConnection, Server, breaker

# How long a request waits for its turn at a server that answers and is busy: about
# as long as people wait for a page. Longer queues are better refused.
TURN_SECONDS = 5.0
POOL = {
    "connection_class": BoundedConnection,
    # A busy pool and a dead server look alike to it; we ask which after this time.
    "timeout": SILENCE,
    # By itself it tries again after 1, 2, 4 … up to 150 seconds, however long the
    # server has been back. Given up at once, the next request begins anew.
    "reconnect_timeout": 1.0,
}


class DatabaseWrapper(base.DatabaseWrapper):
    """A database that is away is refused at once, and found again unattended."""

    Database = driver

    @property
    def pool(self) -> Any:
        options = self.settings_dict["OPTIONS"].get("pool")
        if options:
            options.update(POOL)
        return super().pool

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, or take a connection from the pool when it is our turn.

        Raises ``OperationalError`` within a second when nobody serves there.
        """
        breaker.admit()
        is_trial = breaker.is_open
        if is_trial and not self._server.is_answering():
            raise self._away("The database does not answer.")
        ends_at = time.monotonic() + TURN_SECONDS
        while True:
            try:
                connection = super().get_new_connection(conn_params)
            except psycopg.OperationalError as error:
                if breaker.is_open and not is_trial:
                    # Another thread found out meanwhile.
                    raise
                if not self._server.is_answering():
                    raise self._away(error) from error
                if not isinstance(error, PoolTimeout) or time.monotonic() > ends_at:
                    raise
            else:
                breaker.succeed()
                return connection

    @property
    def _server(self) -> Server:
        found = self.settings_dict
        return Server(
            host=str(found["HOST"]),
            port=int(found["PORT"] or 5432),
            user=str(found["USER"]),
            database=str(found["NAME"]),
        )

    def _away(self, error: object) -> psycopg.OperationalError:
        if breaker.fail(error) and self.pool:
            # What lies in it is dead or frozen: nobody is to be handed it later.
            self.pool.drain()
        return psycopg.OperationalError(str(error))
