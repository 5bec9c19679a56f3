"""The whole product in one process, and windows on it."""

from tests.inference.playground.conftest import site, window

__all__ = ["site", "window"]
