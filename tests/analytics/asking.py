"""Questions to the report pages, and what the pages say."""

import csv
from io import StringIO
from typing import Any

from django.test import Client
from django.urls import reverse

DAYS = "first=2026-03-01&last=2026-03-31"
TWO_STEPS = f"{DAYS}&steps=2&s0=page_viewed&s1=email_verified"


def page_of(desk: Client, query: str, **extra: Any) -> Any:
    return desk.get(f"{reverse('analytics:funnel')}?{query}", **extra)


def counts(page: Any) -> list[int]:
    return [bar.step.count for bar in page.context["bars"]]


def rows_of(answer: Any) -> list[list[str]]:
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.reader(StringIO(text)))
