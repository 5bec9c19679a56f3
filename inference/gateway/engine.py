"""What answers requests: the parts of one process, started and ended together."""

import asyncio

from inference.catalog.models import Deployment
from inference.directory.changes import follow_changes
from inference.directory.directory import Directory
from inference.gateway import metrics
from inference.gateway.admission import Admission
from inference.gateway.attempts import Attempts
from inference.gateway.cache import AnswerCache
from inference.gateway.keeping import Keeping
from inference.gateway.replays import Replays
from inference.gateway.settlement import Settlement
from inference.gateway.streams import Streams
from inference.protocol import errors
from inference.protocol.bodies import BodyReader
from inference.providers.base import Provider
from inference.providers.docs_assistant import DocsAssistant
from inference.providers.openai import OpenAIProvider
from inference.routing.lookout import CHANNEL as DEPLOYMENTS
from inference.routing.lookout import Lookout
from inference.stored.services import CHANNEL as RESPONSES
from inference.transcripts.recorder import Recorder
from stores.lean_redis import LeanRedis


class Engine:
    """One for each process, in the loop of its first request."""

    def __init__(self, redis_url: str) -> None:
        self.redis = LeanRedis(redis_url)
        self.providers: dict[str, Provider] = {
            "openai": OpenAIProvider(self._hear_refused_key),
            "docs_assistant": DocsAssistant(),
        }
        self.directory = Directory()
        self.bodies = BodyReader()
        self.replays = Replays(self.redis)
        self.admission = Admission(self.redis, self.directory)
        self.lookout = Lookout(self.redis, self.directory, self.providers)
        self.attempts = Attempts(
            self.redis, self.providers, self.lookout.router, AnswerCache(self.redis)
        )
        self.lookout.raise_alarm = self.attempts.raise_alarm
        self.keeping = Keeping(self.redis)
        self.recorder = Recorder()
        self.settlement = Settlement(self.redis, self.admission, self.keeping)
        self.streams = Streams(self.directory, self.attempts, self.settlement)
        self.tasks: list[asyncio.Task[None]] = []
        metrics.follow(
            lambda: len(self.settlement.running), lambda: len(self.settlement.waiting)
        )
        self.is_stopping = False

    def start(self) -> None:
        """Begin what runs beside the requests."""
        self.tasks = [
            asyncio.create_task(self.settlement.open()),
            asyncio.create_task(self.settlement.commit_forever()),
            asyncio.create_task(self.settlement.beat_forever()),
            asyncio.create_task(self.recorder.keep_forever()),
            asyncio.create_task(self.redis.watch()),
            asyncio.create_task(self.streams.recheck_forever()),
            asyncio.create_task(self.lookout.look_forever()),
            asyncio.create_task(
                follow_changes(
                    self.directory,
                    self.streams.recheck,
                    {DEPLOYMENTS: self.lookout.hear, RESPONSES: self.keeping.hear},
                )
            ),
        ]

    def interrupt(self) -> None:
        """Refuse new requests and end open streams with an error event."""
        self.is_stopping = True
        self.streams.interrupt_all()

    def check_open(self) -> None:
        """Raise ``APIError`` where the process is about to end."""
        if self.is_stopping:
            raise errors.shutting_down()

    def _hear_refused_key(self, deployment: Deployment, status: int) -> None:
        self.attempts.raise_alarm(deployment, status)

    async def stop(self) -> None:
        """Interrupt, commit what is left, close every connection."""
        self.interrupt()
        await self.streams.wait_for_answers()
        await self.streams.wait_for_drains()
        await self.keeping.end_all()
        for provider in self.providers.values():
            await provider.close()
        await self.settlement.close()
        await self.recorder.close()
        await self.redis.close()
        for task in self.tasks:
            task.cancel()
