"""What the demo's people say: real questions with real answers, in both languages."""

from dataclasses import dataclass

# Beside those every installation begins with.
CATEGORIES = (
    ("members", "Members", "会员区", "members"),
    ("staff", "Staff room", "员工区", "staff"),
)


@dataclass(frozen=True, slots=True)
class Thread:
    """A question with answers, the first of which is the good one."""

    category: str
    title: str
    text: str
    answers: tuple[str, ...]
    tags: tuple[str, ...]
    kind: str = "question"


THREADS: tuple[Thread, ...] = (
    Thread(
        "help",
        "Streaming stops after 60 seconds behind nginx",
        "I stream from `/v1/chat/completions` through nginx. Long answers are cut after a minute and the client sees no error.\n\n```nginx\nlocation /v1/ {\n    proxy_pass http://127.0.0.1:8000;\n}\n```",
        (
            "nginx buffers the answer and closes an idle upstream after 60 seconds. Turn buffering off and raise the timeout:\n\n```nginx\nlocation /v1/ {\n    proxy_pass http://127.0.0.1:8000;\n    proxy_buffering off;\n    proxy_read_timeout 600s;\n}\n```\n\nThe gateway also sends a keep-alive comment every 15 seconds, so with buffering off the connection is never idle.",
            "Same here with a load balancer in front: its idle timeout was 60 seconds too.",
        ),
        ("streaming", "nginx"),
    ),
    Thread(
        "help",
        "Where do I see what a single call cost?",
        "The usage page shows sums per day. Can I see the price of one request?",
        (
            'Every answer that is not streamed carries an `x-cost` header with the price in dollars, and the request log on the usage page lists each request id with its tokens and price. For a stream, ask for `stream_options: {"include_usage": true}` and the last event has the tokens.',
            "The request id in the log is the one from the `x-request-id` header.",
        ),
        ("usage", "billing"),
    ),
    Thread(
        "help",
        "429 insufficient_quota although my rate limit is not reached",
        "I send about ten requests a minute and get `insufficient_quota`. The docs say the free plan allows 60 a minute.",
        (
            "`insufficient_quota` is not the rate limit: this month's allowance is used up. The free plan includes one dollar of usage in a calendar month. `x-should-retry: false` tells the SDK not to try again. The allowance starts anew on the first of the month, UTC, or with a larger plan at once.",
        ),
        ("limits", "errors"),
    ),
    Thread(
        "help",
        "How do I rotate an API key without downtime?",
        "We have a key in three services. Is there a way to replace it without breaking one of them?",
        (
            "Use *Rotate* on the keys page. You get a new key at once and the old one works for another 24 hours, so you can change the services one by one. Revoking, by contrast, takes effect within a second.",
            "We keep one key per service now. It makes this much easier, and the usage page can group by key.",
        ),
        ("api-keys", "security"),
    ),
    Thread(
        "models",
        "What is the difference between doorstone-docs and doorstone-docs-pro?",
        "Both answer questions about the documentation. Why would I pay for the second?",
        (
            "`doorstone-docs` is open and searches the current documentation. `doorstone-docs-pro` is premium: it also searches solved topics of the forum and older versions of the documentation. If you run 0.9 somewhere, that alone is worth it.",
        ),
        ("models", "premium"),
    ),
    Thread(
        "help",
        "OpenAI SDK raises PermissionDeniedError for a model that is listed",
        "`client.models.list()` shows `doorstone-docs-pro`, but calling it gives 403 `model_requires_plan`.",
        (
            "The list shows every model on offer; the field `included` tells whether your plan may call it. Premium models need a paid plan. After you subscribe the gateway knows within a second, so the same key works right away.",
        ),
        ("errors", "premium"),
    ),
    Thread(
        "self-hosting",
        "Can I use my own PostgreSQL instead of the embedded one?",
        "`make run` starts its own database. We have a managed PostgreSQL 16.",
        (
            "Set `DATABASE_URL=postgresql://user:password@host:5432/doorstone` and `REDIS_URL`, then `make run` uses those and starts neither of its own. Any PostgreSQL from 15 on works, without extensions.",
            "Works fine for us on RDS.",
        ),
        ("postgresql", "deployment"),
    ),
    Thread(
        "self-hosting",
        "How do I connect a vLLM server as a model?",
        "I run vLLM on a GPU machine in the same network and want to offer it through the gateway.",
        (
            "Add a deployment with provider *OpenAI-compatible server* and the base URL of your vLLM, for example `http://10.0.0.5:8001/v1`, and give the model a price and a cost. vLLM protects only `/v1` with its key, so keep the server in a private network.",
        ),
        ("vllm", "deployment"),
    ),
    Thread(
        "show",
        "A support bot for our city's event calendar",
        "We built a small bot that answers questions about events in our city. It asks `doorstone-docs` for how-tos and our own index for events. Code is open, happy to answer questions.",
        (
            "Lovely. How do you keep the index current?",
            "Does it answer in Chinese as well?",
        ),
        ("showcase",),
        "discussion",
    ),
    Thread(
        "help",
        "如何在 Python 中流式输出回答？",
        "用 `openai` 库调用接口时，怎么一边生成一边显示，而不是等全部完成？",
        (
            '把 `stream` 设为 `True`，然后逐个读取返回的片段：\n\n```python\nstream = client.chat.completions.create(\n    model="doorstone-docs",\n    messages=[{"role": "user", "content": "你好"}],\n    stream=True,\n)\nfor chunk in stream:\n    print(chunk.choices[0].delta.content or "", end="")\n```\n\n如果需要用量，再加上 `stream_options={"include_usage": True}`，最后一个片段会带上 token 数。',
            "**注意：**最后一个片段的 `choices` 是空列表，取第一个元素之前要先判断。",
        ),
        ("流式输出", "python"),
    ),
    Thread(
        "help",
        "密钥泄露了怎么办？",
        "不小心把 `ds_live_` 开头的密钥提交到了公开仓库，该怎么处理？",
        (
            "立刻在控制台的密钥页面撤销它，一秒之内就会失效。然后新建一个密钥，并在用量页面按密钥分组，检查泄露期间有没有异常调用。",
        ),
        ("密钥", "安全"),
    ),
    Thread(
        "models",
        "中文文档的检索效果如何？",
        "想知道文档助手对中文问题的回答是否可靠，会不会编造内容？",
        (
            "它只引用找到的段落，不会编造；如果找不到，会直接说明没有找到。中文按相邻两个字建立索引，所以两个字以上的词都能准确查到。",
            "试过几十个问题，基本都能给出正确的页面链接。",
        ),
        ("中文", "检索"),
    ),
    Thread(
        "self-hosting",
        "自托管时如何接入企业单点登录？",
        "我们公司使用标准的 OIDC 登录，能不能直接接入？",
        (
            "可以。设置 `OIDC_SERVER_URL`、`OIDC_CLIENT_ID` 和 `OIDC_CLIENT_SECRET` 三个环境变量后重启，登录页面就会出现单点登录按钮。",
        ),
        ("单点登录", "部署"),
    ),
    Thread(
        "help",
        "Does a cancelled stream still cost something?",
        "If a user closes the page in the middle of an answer, what am I billed?",
        (
            "What was produced until then: the gateway stops the model and settles the tokens that had been counted, once. Nothing is billed when you leave before the first token.",
        ),
        ("streaming", "billing"),
    ),
    Thread(
        "members",
        "Roadmap wishes for the next quarter",
        "What would you like to see first: embeddings, batch requests or fine-tuning?",
        (
            "Batch requests at night, at a lower price.",
            "Embeddings, please. We index our tickets.",
            "A budget per key that warns before it stops.",
        ),
        ("roadmap",),
        "discussion",
    ),
    Thread(
        "help",
        "What counts towards tokens per minute?",
        "My requests are small but I hit the token limit. What is counted?",
        (
            "The estimate of the prompt plus `max_tokens`, because that is what a request may use. Without `max_tokens` the model's usual output is assumed. Set `max_tokens` to what you really need and more requests fit into a minute.",
        ),
        ("limits", "tokens"),
    ),
)

OPENERS = (
    "How do I",
    "Is it possible to",
    "What is the best way to",
    "Why does it fail to",
    "When should I",
)
SUBJECTS = (
    "cache answers of the gateway",
    "limit a key to one model",
    "read the rate limit headers",
    "run the gateway on its own machine",
    "export the usage of a month",
    "test webhooks on my machine",
    "write a stop sequence",
    "handle a 503 from the gateway",
    "count tokens before a call",
    "share a key within a team",
)
REPLIES = (
    "I had the same question. The documentation has a page on it under *Inference*.",
    "Setting it on the key worked for me.",
    "Could you show the request id? It is in the `x-request-id` header.",
    "This changed in 1.0; which version do you use?",
    "我也遇到过，升级到 1.0 之后就好了。",
    "Thank you, that solved it for me as well.",
)
NAMES = (
    "mira",
    "jonas",
    "lin",
    "sofia",
    "amir",
    "yuki",
    "noah",
    "zhang-wei",
    "carla",
    "tomas",
    "ines",
    "pavel",
    "li-na",
    "oscar",
    "freya",
    "rahul",
    "maya",
    "viktor",
    "hana",
    "leo",
    "wang-fang",
    "elif",
    "mateo",
    "nora",
    "kenji",
    "aisha",
    "lukas",
    "chloe",
    "diego",
    "mei",
)
SOURCES = (
    ("search", "organic", 34),
    ("github.com", "referral", 22),
    ("direct", "", 18),
    ("news.ycombinator.com", "referral", 9),
    ("newsletter", "email", 8),
    ("zhihu.com", "referral", 9),
)
