"""The process that serves a language model: llama.cpp's own server on a GGUF file.

It speaks OpenAI's protocol (chat, completions, streams) on loopback and answers nobody
without the installation's key.

    python -m embedded.modelservers.language
"""

import os
import signal

import xllamacpp

from embedded.modelservers.guard import guard
from embedded.modelservers.settings import Settings


def main() -> None:
    settings = Settings.from_environment()
    guard(settings.memory_mb)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    # Kept for as long as the process lives: it serves in threads of its own.
    server = xllamacpp.Server(parameters(settings))
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    del server
    # The gateway ends first, and with it every stream.
    os._exit(0)


def parameters(settings: Settings) -> "xllamacpp.CommonParams":
    """Return what llama.cpp's server is started with."""
    wanted = xllamacpp.CommonParams()
    wanted.model.path = settings.path
    wanted.model_alias = {settings.name}
    wanted.hostnames = ["127.0.0.1"]
    wanted.port = settings.port
    wanted.api_keys = [settings.key]
    # All requests share one cache of keys and values; each has its part of it.
    wanted.n_ctx = settings.context * settings.slots
    wanted.n_parallel = settings.slots
    # Prompts of the past are kept in memory, up to 8 GB, unless that is turned off;
    # the slots' own caches still spare a conversation its beginning.
    wanted.cache_ram_mib = 0
    wanted.n_ctx_checkpoints = 0
    for group in (wanted.cpuparams, wanted.cpuparams_batch):
        group.n_threads = settings.threads
        # Waiting threads sleep instead of asking again and again.
        group.poll = 0
    # Otherwise one for each core, with a stack each.
    wanted.n_threads_http = settings.slots + 4
    # The same on every machine; a graphics card is what bigger servers are for.
    wanted.n_gpu_layers = 0
    wanted.ui = False
    wanted.endpoint_slots = False
    wanted.offline = True
    # Errors only: a log of prompts is kept nowhere.
    wanted.verbosity = 1
    return wanted


if __name__ == "__main__":
    main()
