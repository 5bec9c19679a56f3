"""Questions with what answers them, over four trees of documentation.

Those below have been looked at often: the figures were chosen on them. Those of
``unseen.py`` and then of ``fresh.py`` were written afterwards; what of them was
reported has told what it had to tell, and all of them are tuned on by now. Those of
``placed.py`` are the newest: figures may be chosen on one half of them, and the table
of ``make answers`` tells about the other. No question leaves since it fails.
A page is ``path``, or ``version/path`` where another version than the current one has
to be cited; ``placed.py`` names sections of pages.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from tests.inference.providers import fresh, placed, unseen


class Half(StrEnum):
    TUNED = "tuned"
    REPORTED = "reported"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One question; no places means that nothing answers it.

    A place is a page or, where sections are named, ``page#anchor``; there ``page``
    alone is what stands before its first heading.
    """

    text: str
    tree: str
    language: str
    half: Half
    places: frozenset[str]
    names_sections: bool = False

    @property
    def pages(self) -> frozenset[str]:
        return frozenset(each.partition("#")[0] for each in self.places)

    @property
    def is_answerable(self) -> bool:
        return bool(self.places)

    @property
    def is_across(self) -> bool:
        """Tell whether the pages are only in the other language."""
        return self.language not in WRITTEN[self.tree]

    @property
    def is_about_older(self) -> bool:
        """Tell whether another version than the current one has to be cited."""
        return any(page[0].isdigit() for page in self.pages)


# The product's own pages, version 1.0.
SITE_ENGLISH = {
    "whats the smallest paid plan and what does it cost per year": "billing",
    "my stream just stopped halfway, am I charged for it?": "api/usage-and-cost api/streaming",
    "how do I know when a streamed reply is really finished": "api/streaming",
    "proxy says 413, how big may a request be": "api/errors api",
    "can I pin a spending cap on one api key": "console/keys concepts",
    "someone pushed our secret to github, how do I kill it fast": "console/keys",
    "how long does the old secret keep working after rotation": "console/keys",
    "where is the request id I should send to support": "api console/usage api/limits",
    "do you store what we send to the models": "api console/privacy",
    "difference between personal access token and api key": "concepts rest-api",
    "what's the price for cached input tokens": "api/models concepts api/usage-and-cost",
    "context_length_exceeded": "api/chat api/errors",
    "is it safe to send the same POST twice after a timeout": "api/retries rest-api",
    "which http errors are worth retrying": "api/retries api/errors",
    "when does my monthly allowance start over": "api/limits concepts",
    "how many parallel requests can a team plan make": "api/limits",
    "can someone with the billing role create keys": "console console/keys",
    "invitation link expired, how long is it valid": "console",
    "colleague quit yesterday, do his keys still work": "console",
    "our card got declined, how long until we lose premium": "billing/payments",
    "get all invoices as a spreadsheet": "billing/payments",
    "I lost my phone with the authenticator on it": "security",
    "log in with fingerprint instead of a password": "security",
    "log me out on every other browser": "security",
    "how can I take back an accepted answer": "community",
    "max number of topics a new user can open per day": "community",
    "does a downvote cost me points": "community/reputation",
    "who can lock a thread": "community/reputation",
    "write latex in a post": "community/markdown",
    "search for an exact phrase": "community/search",
    "my merged PR from last year shows no credit": "contributing",
    "what does alpha stand for on the profit page": "conversion",
    "start it on a different port": "self-hosting",
    "which python versions are supported": "self-hosting",
    "what happens if redis gets wiped": "self-hosting/operations self-hosting/configuration",
    "put my ollama model into the catalogue": "self-hosting/models",
    "set up github login for my installation": "self-hosting/integrations",
    "test card for the demo checkout": "billing/subscribing",
    "endpoint for kubernetes liveness probe": "self-hosting/operations",
    "encrypt the upstream's api key": "self-hosting/models",
}
SITE_CHINESE = {
    "团队版一个人一个月多少钱": "billing",
    "流式输出中途断开会不会扣费": "api/usage-and-cost api/streaming",
    "怎么判断流式回答已经完整结束": "api/streaming",
    "请求体最大能有多大": "api/errors api",
    "能不能给单个密钥设置每月花费上限": "console/keys concepts",
    "密钥不小心提交到 GitHub 了，怎么马上停用": "console/keys",
    "轮换之后旧密钥还能用多久": "console/keys",
    "请求编号在哪里能找到": "api console/usage api/limits",
    "你们会记录我发给模型的内容吗": "api console/privacy",
    "访问令牌和 API 密钥有什么区别": "concepts rest-api",
    "缓存输入怎么计价": "api/models concepts api/usage-and-cost",
    "model_not_found 是什么原因": "api/errors",
    "超时之后重发同一个请求会重复扣费吗": "api/retries",
    "哪些错误值得重试": "api/retries api/errors",
    "每月额度什么时候清零": "api/limits concepts",
    "专业版能同时发几个请求": "api/limits",
    "账单角色可以创建密钥吗": "console console/keys",
    "邀请链接几天有效": "console community/invite",
    "员工离职后他创建的密钥怎么办": "console",
    "扣款失败多久会降级": "billing/payments",
    "怎么下载发票": "billing/payments",
    "验证器手机丢了怎么登录账号": "security",
    "能用指纹登录吗": "security",
    "怎么让其他浏览器全部退出登录": "security",
    "采纳错了回答可以撤回吗": "community",
    "新用户一天能发多少个话题": "community",
    "被人点踩会扣积分吗": "community/reputation",
    "版主能做哪些事": "community/reputation",
    "帖子里怎么插入表格": "community/markdown",
    "搜索时怎么只看已解决的": "community/search",
    "合并请求多久能拿到积分": "contributing",
    "转化率的置信区间是怎么算的": "conversion",
    "怎么换个端口启动": "self-hosting",
    "支持哪些操作系统": "self-hosting",
    "Redis 数据丢了要紧吗": "self-hosting/operations self-hosting/configuration",
    "怎么把 Ollama 上的模型加进来": "self-hosting/models",
    "怎么配置 GitHub 登录": "self-hosting/integrations",
    "演示里付款用什么卡号": "billing/subscribing",
    "健康检查的地址是什么": "self-hosting/operations",
    "席位满了还能邀请人吗": "billing console",
}
# About the older version, which only the premium model reads.
OLD_ENGLISH = {
    "how many requests a minute in 0.9": "0.9/api 0.9/upgrade",
    "rotate a key in version 0.9": "0.9/keys",
    "what do I have to do to move from 0.9 to 1.0": "0.9/upgrade",
    "points for an accepted answer in 0.9": "0.9/community 0.9/upgrade",
    "does streaming report usage in 0.9": "0.9/api 0.9/quick-start",
    "start version 0.9 on my server": "0.9/self-hosting",
}
OLD_CHINESE = {
    "0.9 版每分钟能发多少请求": "0.9/api 0.9/upgrade",
    "0.9 怎么更换密钥": "0.9/keys",
    "从 0.9 升级到 1.0 要做什么": "0.9/upgrade",
    "0.9 里采纳回答得几分": "0.9/community 0.9/upgrade",
    "0.9 能搜索中文吗": "0.9/community",
    "0.9 怎么安装部署": "0.9/self-hosting",
}
# An invented product's pages: words this product's own pages do not use.
MARRAM_ENGLISH = {
    "put it on a mac": "install",
    "how do I get rid of the program completely": "install",
    "first run takes forever, is that normal": "first-backup",
    "can two laptops share one backup drive": "repositories",
    "external disk got unplugged in the middle of a backup": "repositories",
    "use minio as the target": "repositories",
    "ssh through a bastion": "sftp",
    "protect backups from ransomware on my machine": "sftp",
    "make it run each night": "schedule",
    "laptop was asleep at the scheduled time": "schedule",
    "old backups eat up my disk, thin them out": "retention",
    "never delete this particular backup": "retention",
    "recover a file I deleted last week": "restore",
    "does restoring overwrite what I have now": "restore",
    "browse old versions of my folders": "restore",
    "forgot my passphrase, can support unlock it": "encryption",
    "are file names readable by the cloud provider": "encryption",
    "skip node_modules": "exclude",
    "ignore huge files": "exclude",
    "how do I find out whether the backup is corrupt": "verify",
    "uploads make video calls stutter": "bandwidth",
    "repository is locked": "errors",
    "what is M202": "errors",
    "what would it cost for an office with five pcs": "licence",
    "get an email when a backup fails": "notify",
    "we are behind a corporate proxy": "proxy",
}
MARRAM_CHINESE = {
    "苹果电脑怎么安装": "install",
    "怎么彻底卸载": "install",
    "为什么第一次备份特别慢": "first-backup",
    "两台电脑能共用一个备份盘吗": "repositories",
    "备份到一半硬盘被拔掉了怎么办": "repositories",
    "可以备份到 MinIO 吗": "repositories",
    "怎样通过跳板机备份": "sftp",
    "怎么防止勒索病毒删掉备份": "sftp",
    "每天夜里自动备份怎么设置": "schedule",
    "笔记本用电池的时候会备份吗": "schedule",
    "旧快照太多占满磁盘了": "retention",
    "有个备份想一直留着": "retention",
    "找回上周误删的文件": "restore",
    "恢复的时候会覆盖现有文件吗": "restore",
    "换了新电脑怎么全部恢复": "restore",
    "忘记口令还能打开吗": "encryption",
    "云服务商能看到我的文件名吗": "encryption",
    "怎么跳过某些文件夹": "exclude",
    "太大的文件不想备份": "exclude",
    "怎么检查备份有没有坏": "verify",
    "上传太占网速怎么限速": "bandwidth",
    "提示仓库已锁定": "errors",
    "M301 怎么处理": "errors",
    "公司五台电脑一年要多少钱": "licence",
    "备份失败发邮件提醒我": "notify",
    "公司网络要走代理": "proxy",
}
# Near the subject, and yet on no page.
SITE_UNANSWERABLE_ENGLISH = [
    "can I fine-tune a model with my own data",
    "is there an android app",
    "do you accept paypal",
    "helm chart for kubernetes",
    "which gpu do I need for a 70b model",
    "where are your data centres located",
    "are you soc 2 certified",
    "how do I delete my account",
    "can I change my username",
    "dark mode for the editor in vs code",
    "how do I connect it to slack",
    "generate images from text prompts",
    "who founded the company",
    "best restaurants in lisbon",
    "how old is the universe",
    "write a haiku about autumn",
]
SITE_UNANSWERABLE_CHINESE = [
    "能用自己的数据微调模型吗",
    "有没有安卓客户端",
    "支持微信支付吗",
    "有 Helm 安装包吗",
    "跑 70B 的模型要什么显卡",
    "服务器机房在哪个城市",
    "通过了等保三级吗",
    "怎么注销账号",
    "用户名可以改吗",
    "怎么接入飞书",
    "能生成图片吗",
    "学生有优惠吗",
    "公司的创始人是谁",
    "上海有什么好吃的",
    "月球离地球多远",
    "写一首关于秋天的诗",
]
MARRAM_UNANSWERABLE_ENGLISH = [
    "is there an iphone app",
    "can I back up my gmail mailbox",
    "back up a running postgres database",
    "does it deduplicate on zfs",
    "share a snapshot with a friend by link",
    "two-factor login for the web interface",
    "which bank do I wire the money to",
    "how do I bake bread",
    "who won the last world cup",
    "tune a violin",
]
MARRAM_UNANSWERABLE_CHINESE = [
    "手机上的照片能备份吗",
    "能备份微信聊天记录吗",
    "怎么备份正在运行的 MySQL",
    "有网页管理界面吗",
    "怎么把快照分享给朋友",
    "支持百度网盘吗",
    "开发票找谁",
    "红烧肉怎么做",
    "今年春节是哪天",
    "推荐一本小说",
]

SITE = "site"
MARRAM = "marram"
KESTREL = "kestrel"
QINGHE = "qinghe"
ENGLISH, CHINESE = "en", "zh-hans"
# The languages a tree is written in.
WRITTEN = {
    SITE: (ENGLISH, CHINESE),
    MARRAM: (ENGLISH, CHINESE),
    KESTREL: (ENGLISH,),
    QINGHE: (CHINESE,),
}
Questions = Mapping[str, str] | Sequence[str]
Sets = tuple[tuple[str, str, Questions], ...]
_KNOWN: Sets = (
    (SITE, ENGLISH, SITE_ENGLISH),
    (SITE, CHINESE, SITE_CHINESE),
    (SITE, ENGLISH, OLD_ENGLISH),
    (SITE, CHINESE, OLD_CHINESE),
    (MARRAM, ENGLISH, MARRAM_ENGLISH),
    (MARRAM, CHINESE, MARRAM_CHINESE),
    (SITE, ENGLISH, SITE_UNANSWERABLE_ENGLISH),
    (SITE, CHINESE, SITE_UNANSWERABLE_CHINESE),
    (MARRAM, ENGLISH, MARRAM_UNANSWERABLE_ENGLISH),
    (MARRAM, CHINESE, MARRAM_UNANSWERABLE_CHINESE),
    (SITE, ENGLISH, unseen.SITE_ENGLISH),
    (SITE, CHINESE, unseen.SITE_CHINESE),
    (SITE, ENGLISH, unseen.OLD_ENGLISH),
    (SITE, CHINESE, unseen.OLD_CHINESE),
    (KESTREL, ENGLISH, unseen.KESTREL_ENGLISH),
    (KESTREL, CHINESE, unseen.KESTREL_CHINESE),
    (QINGHE, CHINESE, unseen.QINGHE_CHINESE),
    (QINGHE, ENGLISH, unseen.QINGHE_ENGLISH),
    (SITE, ENGLISH, unseen.SITE_UNANSWERABLE_ENGLISH),
    (SITE, CHINESE, unseen.SITE_UNANSWERABLE_CHINESE),
    (KESTREL, ENGLISH, unseen.KESTREL_UNANSWERABLE_ENGLISH),
    (KESTREL, CHINESE, unseen.KESTREL_UNANSWERABLE_CHINESE),
    (QINGHE, CHINESE, unseen.QINGHE_UNANSWERABLE_CHINESE),
    (QINGHE, ENGLISH, unseen.QINGHE_UNANSWERABLE_ENGLISH),
    (SITE, ENGLISH, fresh.SITE_ENGLISH),
    (SITE, CHINESE, fresh.SITE_CHINESE),
    (SITE, ENGLISH, fresh.SITE_UNANSWERABLE_ENGLISH),
    (SITE, CHINESE, fresh.SITE_UNANSWERABLE_CHINESE),
)
_PLACED: Sets = (
    (SITE, ENGLISH, placed.SITE_ENGLISH),
    (SITE, CHINESE, placed.SITE_CHINESE),
    (SITE, ENGLISH, placed.OLD_ENGLISH),
    (SITE, CHINESE, placed.OLD_CHINESE),
    (KESTREL, ENGLISH, placed.KESTREL_ENGLISH),
    (KESTREL, CHINESE, placed.KESTREL_CHINESE),
    (MARRAM, ENGLISH, placed.MARRAM_ENGLISH),
    (MARRAM, CHINESE, placed.MARRAM_CHINESE),
    (QINGHE, CHINESE, placed.QINGHE_CHINESE),
    (QINGHE, ENGLISH, placed.QINGHE_ENGLISH),
    (SITE, ENGLISH, placed.SITE_UNANSWERABLE_ENGLISH),
    (SITE, CHINESE, placed.SITE_UNANSWERABLE_CHINESE),
    (KESTREL, ENGLISH, placed.KESTREL_UNANSWERABLE_ENGLISH),
    (KESTREL, CHINESE, placed.KESTREL_UNANSWERABLE_CHINESE),
    (MARRAM, ENGLISH, placed.MARRAM_UNANSWERABLE_ENGLISH),
    (MARRAM, CHINESE, placed.MARRAM_UNANSWERABLE_CHINESE),
    (QINGHE, CHINESE, placed.QINGHE_UNANSWERABLE_CHINESE),
    (QINGHE, ENGLISH, placed.QINGHE_UNANSWERABLE_ENGLISH),
)


def judged() -> Iterator[Judged]:
    """Yield every question: what is known is tuned on, of the newest a half."""
    for tree, language, questions in _KNOWN:
        for text, places in _labelled(questions):
            yield Judged(
                text=text,
                tree=tree,
                language=language,
                half=Half.TUNED,
                places=places,
            )
    yield from placed_ones()


def placed_ones() -> Iterator[Judged]:
    """Yield the newest questions, in halves."""
    for tree, language, questions in _PLACED:
        for text, places in _labelled(questions):
            yield Judged(
                text=text,
                tree=tree,
                language=language,
                half=half_of(text),
                places=places,
                names_sections=True,
            )


def half_of(text: str) -> Half:
    """Return the half a text is drawn into by its digest: nobody chose it."""
    is_odd = blake2b(text.encode(), digest_size=1).digest()[0] % 2 == 1
    return Half.REPORTED if is_odd else Half.TUNED


def _labelled(questions: Questions) -> Iterator[tuple[str, frozenset[str]]]:
    for text in questions:
        places = questions[text] if isinstance(questions, Mapping) else ""
        yield text, frozenset(places.split())
