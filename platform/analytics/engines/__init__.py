"""What keeps the read side. One is chosen by the settings."""

from analytics.engines.protocol import QuestionEngine


def engine() -> QuestionEngine:
    """Return the engine of this installation."""
    # Sixty megabytes that a process which asks nothing does not need.
    from analytics.engines.duckdb import DuckDB

    return DuckDB()
