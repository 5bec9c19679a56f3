"""Questions people type into the search, and the topics that answer them.

Written beside the demo's threads, in words a person would use who has not read them.
``titles`` are beginnings or pieces of titles; any of them will do.
"""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Judged:
    """One search, and the titles of which one has to be among the first three."""

    wanted: str
    titles: tuple[str, ...]

    @property
    def is_chinese(self) -> bool:
        return any("\u3400" <= character <= "\u9fff" for character in self.wanted)

    @property
    def is_for_tuning(self) -> bool:
        """Whether it may be looked at while the ranking is made."""
        return hashlib.sha256(self.wanted.encode()).digest()[0] % 2 == 0


def _read(table: str) -> tuple[Judged, ...]:
    lines = (line.split(" -> ") for line in table.strip().splitlines())
    return tuple(Judged(wanted, tuple(titles.split(" | "))) for wanted, titles in lines)


JUDGED = _read(
    """
how do I stream an answer -> Answers arrive all at once | Streaming has no effect | 流式输出
why is my request hanging -> Requests hang now and then | Which timeouts make sense
count tokens python -> Is there a way to count tokens | Estimating tokens before
self hosting docker -> with Docker Compose
nginx cuts my stream after a minute -> Streaming stops after 60 seconds behind nginx
what did one request cost -> Where do I see what a single call cost
insufficient_quota -> 429 insufficient_quota | difference between the three 429s | 429 错误
replace a key without downtime -> How do I rotate an API key
difference between doorstone-docs and doorstone-docs-pro -> difference between doorstone
PermissionDeniedError -> The SDK raises PermissionDeniedError
model_requires_plan -> The SDK raises PermissionDeniedError | System prompts that work
use an external postgres database -> Can I use my own PostgreSQL
vllm -> How do I connect a vLLM | Can one model have two servers | 两台 vLLM
add a vLLM server on a GPU machine -> How do I connect a vLLM
do I pay when the user closes the page -> Does a cancelled stream still cost
max_tokens -> What counts towards tokens per minute | How do I know that a stream ended
asyncio.gather rate limit -> RateLimitError: 4 requests | 批量处理
base_url -> First call with the OpenAI SDK | 第一次调用
call the api from the browser -> Using the gateway from Node
monthly budget for a key -> Can a key have its own budget
model_not_found with the team key -> 404 model_not_found
finish_reason -> How do I know that a stream ended | a stream breaks off | error in the middle
does the assistant hallucinate -> Does the documentation assistant make things up
embedding models -> Are there embeddings
prompt too long for the context window -> What happens when my prompt is longer
redis configuration for production -> Which Redis settings matter
redis outage -> What does the gateway do when Redis is down
restart without dropping streams -> Zero-downtime restarts
OIDC login -> Single sign-on with our own OIDC | 自托管时如何接入企业单点登录
docker secrets files -> How do you hand over secrets
what should I back up -> What has to be in a backup
alerts for on call -> Which numbers should wake somebody up | Useful alerts | What do you monitor
stripe webhook signature 400 -> Stripe webhooks answer 400
my card was declined -> What happens when a payment fails
switch from monthly to yearly -> Monthly to yearly
how many seats does the team plan need -> How do seats work
who can see the api keys -> Which role may see API keys
search for an exact phrase -> Searching for an exact phrase
write a table in markdown -> How do I write a table or a footnote
which errors should be retried -> When should I retry
upstream_timeout -> 504 upstream_timeout
force json output -> Structured output
is the playground free -> Does the playground use up
create a topic through the REST API -> Is there an API for the forum itself
llms.txt -> Can an assistant read your documentation as Markdown
no points for my pull request -> My merged pull request does not show up
export usage as csv for accounting -> How do I give our accountant
upgrade from 0.9 to 1.0 -> Moving from 0.9 to 1.0
hardware for 500 users -> How big a machine for 500
tamper proof audit log -> How do I prove that nobody touched the audit log
neovim plugin -> Ask the docs without leaving Neovim
screen reader -> Reading answers aloud
failover between two gpu servers -> Can one model have two servers | 两台 vLLM
verification emails are not sent -> Mails do not leave
spam accounts -> How do you handle spam | What we hid last week
batch requests at night -> Roadmap wishes
proxy_buffering -> Streaming stops after 60 seconds behind nginx | 经过 nginx
x-request-id -> what a single call cost | What should I log | Logging calls | What do I send you
502 503 -> Occasional 502 and 503 | What do 502 and 503 mean
where should I store the api key -> Where do you keep the API key | Handling the API key safely
test without calling the real api -> Tests without real calls | How do you test code
怎么流式输出 -> 如何在 Python 中流式输出 | 流式输出不生效 | 回答总是一次性返回
密钥怎么轮换 -> 密钥 | rotate an API key
token怎么算 -> 中文的 token 是怎么计算的
部署 docker -> Docker | docker
臺灣 模型 -> 模型
发票 -> 从专业版升级到团队版 | 计费 | accountant
知识库 -> 文档机器人 | 中文文档的检索 | 检索
密钥泄露 -> 密钥泄露了怎么办
key 不小心提交到 github 了 -> 密钥泄露了怎么办
高級模型 -> 高级模型值得买吗 | 该用免费还是高级模型
要不要买高级版模型 -> 高级模型值得买吗 | 该用免费还是高级模型
单点登录怎么配置 -> 自托管时如何接入企业单点登录
OIDC 登入 -> 自托管时如何接入企业单点登录 | OIDC
429 是什么意思 -> 429 错误到底是限流 | 经常返回 429 | 三个 429 | three 429s
额度用完了怎么办 -> 429 错误到底是限流
升级团队版会重复扣费吗 -> 从专业版升级到团队版
提示 Incorrect API key provided -> 第一次调用总是返回 401
一直报 401 -> 第一次调用总是返回 401
nginx 流式没有效果 -> 经过 nginx 之后流式输出
PostgreSQL 15 能用吗 -> 支持哪些版本的 PostgreSQL
数据库需要装扩展吗 -> 支持哪些版本的 PostgreSQL
两台服务器自动切换 -> 两台 vLLM 服务器怎样做负载均衡
负载均衡 -> 两台 vLLM 服务器怎样做负载均衡
中文比英文贵吗 -> 中文的 token 是怎么计算的
每个密钥的费用 -> 怎样查看每个密钥花了多少钱
實習生的金鑰限額 -> 能不能给实习生的密钥设置上限
给密钥设上限 -> 能不能给实习生的密钥设置上限
怎么在帖子里写公式 -> 帖子里怎么插入公式和表格
插入表格 -> 帖子里怎么插入公式和表格
精确搜索短语 -> 搜索时怎样精确匹配一个短语
Redis 挂了会怎样 -> Redis 重启会影响
FIELD_KEYS -> 升级到 1.0 之前需要备份什么 | What has to be in a backup
升级前备份 -> 升级到 1.0 之前需要备份什么
注册收不到邮件 -> 用户收不到验证邮件
如何退款 -> 刚买就后悔了，可以退款吗
信用卡扣款失败 -> 信用卡过期
宽限期是几天 -> 信用卡过期
504 超时 -> 504 upstream_timeout 是哪里超时
模型加载太慢返回504 -> 504 upstream_timeout 是哪里超时
并发太高被限流 -> 批量处理一千个问题 | 怎样避免触发限流 | 怎样并发调用 | 同时能发多少个请求
ａｓｙｎｃｉｏ 信号量 -> 批量处理一千个问题
合并了 PR 没有积分 -> 提交了文档改进，怎么获得积分
上下文记不住上一个问题 -> 追问时它好像忘了上一个问题
企业微信机器人 -> 做了一个企业微信里的文档机器人
编程课 教学 -> 用网关给大学生上编程课
盲评结果 -> 用两百个真实客服问题评测了两个模型
VSCode 插件 -> VS Code 里选中报错直接提问
不能上外网的服务器可以部署吗 -> 内网环境没有外网能运行吗
離線運行 -> 内网环境没有外网能运行吗
夜间批量请求 -> 下个季度最想要什么功能
想要的新功能 -> 下个季度最想要什么功能
检索会不会编造 -> 中文文档的检索效果如何
怎么省钱，重复问题能缓存吗 -> 可以缓存回答吗 | 重复的问题怎样处理
按客户统计成本 -> 怎样按客户统计费用 | 想知道每次调用的成本
回答太笼统 -> 回答太笼统 | 怎样得到更准确的回答
请求一直没有返回 -> 偶尔有请求一直不返回 | 超时时间设多少合适
应该监控哪些指标 -> 应该监控什么 | 哪些告警真正有用
"""
)
