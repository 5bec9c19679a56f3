"""What keeps the read side. One is chosen by the settings."""

from analytics.engines.duckdb import DuckDB
from analytics.engines.protocol import QuestionEngine


def engine() -> QuestionEngine:
    """Return the engine of this installation."""
    return DuckDB()
