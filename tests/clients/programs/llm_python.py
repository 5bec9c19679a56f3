"""``llm``, Simon Willison's command, with a model added the documented way."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from checks import (
    BASE_URL,
    GREETING,
    IS_REAL,
    KEY,
    LONG,
    MODEL,
    QUESTION,
    UNKNOWN,
    WRONG_KEY,
    check,
    same,
)

FOLDER = Path(tempfile.mkdtemp())
LLM = str(Path(sys.executable).with_name("llm"))


def told(*arguments: str, key: str = KEY, said: str = QUESTION) -> str:
    run = subprocess.run(
        [LLM, "prompt", *arguments, "--key", key, "-n"],
        input=said,
        env={**os.environ, "LLM_USER_PATH": str(FOLDER)},
        capture_output=True,
        text=True,
        check=False,
    )
    return (run.stdout or run.stderr).strip()


def has(text: str, wanted: str) -> None:
    if wanted not in text:
        raise AssertionError(text[-300:])


(FOLDER / "extra-openai-models.yaml").write_text(
    "".join(
        f"- model_id: {name}\n  model_name: {name}\n  api_base: {BASE_URL}\n"
        "  api_key_name: doorstone\n  supports_tools: true\n  supports_schema: true\n"
        for name in (MODEL, UNKNOWN)
    )
)
LIMIT = ("-o", "max_tokens", "24")
check("chat", "plain", lambda: same(told("-m", MODEL, "--no-stream", *LIMIT), GREETING))
check("chat", "stream", lambda: same(told("-m", MODEL, *LIMIT), GREETING))
if not IS_REAL:
    check(
        "chat",
        "structured",
        lambda: same(
            told("-m", MODEL, "--no-stream", "--schema", "city, degrees int").replace(
                " ", ""
            ),
            '{"city":"Paris","degrees":21}',
        ),
    )
    check("chat", "401", lambda: has(told("-m", MODEL, key=WRONG_KEY), "401"))
    check("chat", "404", lambda: has(told("-m", UNKNOWN), "404"))
    check(
        "chat",
        "context",
        lambda: has(told("-m", MODEL, said=LONG), "context_length_exceeded"),
    )
