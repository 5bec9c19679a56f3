"""The offers and rules an installation begins with, in both languages.

What was offered before there was an engine is active; the rest are drafts, which staff
look at, change and activate.
"""

from dataclasses import dataclass

from billing.growth.models import Offer
from billing.growth.moments import Moment

Kind = Offer.Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class DefaultOffer:
    """An offer as it ships; ``moments`` are where the first policy has it, in order."""

    key: str
    kind: str
    title: tuple[str, str]
    body: tuple[str, str]
    action: tuple[str, str]
    surfaces: tuple[str, ...]
    moments: tuple[str, ...]
    is_active: bool = False
    target: str = ""
    plan: str = ""
    days: int = 0


_PAGES = ("console", "playground", "pricing", "checkout")
_STAY = (Moment.LEAVING,)

# Seven days see a project begin, fourteen a team decide.
DEFAULT_OFFERS = (
    DefaultOffer(
        key="premium_trial",
        kind=Kind.PREMIUM_TRIAL,
        title=("Premium models for seven days", "免费试用高级模型七天"),
        body=(
            (
                "Call every premium model. No card, and nothing to cancel: after seven"
                " days you go on as before."
            ),
            "全部高级模型均可调用。无需银行卡，也无需取消：七天后一切照旧。",
        ),
        action=("Start the trial", "开始试用"),
        surfaces=(*_PAGES, "gateway", "mail"),
        moments=(Moment.PREMIUM_REFUSED, Moment.THIRD_ANSWER, Moment.PRICING_TWICE),
        plan="pro",
        days=7,
    ),
    DefaultOffer(
        key="see_plans",
        kind=Kind.PLAN,
        title=("This needs a plan with premium models", "这需要包含高级模型的套餐"),
        body=(
            "Choose a plan; it is in force a second after the payment.",
            "选择套餐，付款后一秒内生效。",
        ),
        action=("See the plans", "查看套餐"),
        surfaces=("console", "playground", "gateway"),
        moments=(Moment.PREMIUM_REFUSED,),
        is_active=True,
    ),
    DefaultOffer(
        key="more_room",
        kind=Kind.PLAN,
        title=("This month's allowance is used up", "本月额度已用完"),
        body=(
            (
                "Calls are refused until the next month begins, or until you choose a plan"
                " with more room."
            ),
            "下月开始前调用将被拒绝；选择更高额度的套餐即可恢复。",
        ),
        action=("See the plans", "查看套餐"),
        surfaces=("console", "playground", "gateway"),
        moments=(Moment.LIMIT_HIT,),
        is_active=True,
    ),
    DefaultOffer(
        key="more_allowance",
        kind=Kind.PLAN,
        title=("80 % of this month's allowance is used", "本月额度已用去 80%"),
        body=(
            (
                "At this pace calls will be refused before the month ends. A larger plan"
                " has room at once."
            ),
            "照此速度，月底前调用将被拒绝。升级套餐可立即获得更多额度。",
        ),
        action=("Compare the plans", "比较套餐"),
        surfaces=("console", "playground", "mail"),
        moments=(Moment.ALLOWANCE_80,),
    ),
    DefaultOffer(
        key="team_trial",
        kind=Kind.TEAM_TRIAL,
        title=("Try it together for fourteen days", "团队一起试用十四天"),
        body=(
            (
                "A colleague of yours is here already. Share keys, budgets and the premium"
                " models in one organisation, without a card."
            ),
            "您的同事已在这里。在同一组织内共享密钥、预算和高级模型，无需银行卡。",
        ),
        action=("Start the team trial", "开始团队试用"),
        surfaces=("console", "pricing", "mail"),
        moments=(Moment.COLLEAGUE,),
        plan="team",
        days=14,
    ),
    DefaultOffer(
        key="thank_you_credit",
        kind=Kind.CREDITS,
        title=("A credit for your contribution", "感谢贡献，赠送余额"),
        body=(
            "Your work helps everybody here. Use this credit for any model.",
            "您的贡献让所有人受益。此余额可用于任何模型。",
        ),
        action=("Take the credit", "领取余额"),
        surfaces=("console", "mail"),
        moments=(Moment.CONTRIBUTION_MERGED, Moment.THIRD_ANSWER),
    ),
    DefaultOffer(
        key="pay_yearly",
        kind=Kind.ANNUAL,
        title=("A year costs less than twelve months", "按年付费更划算"),
        body=(
            "The same plan, paid once a year at the lower price of the price list.",
            "同一套餐按年支付，价格以价目表中更低的年价为准。",
        ),
        action=("See the yearly price", "查看年付价格"),
        surfaces=("pricing", "checkout", "console"),
        moments=(Moment.PRICING_TWICE, Moment.TRIAL_ENDING),
    ),
    DefaultOffer(
        key="office_hour",
        kind=Kind.OFFICE_HOUR,
        title=("Half an hour with an engineer", "与工程师交流半小时"),
        body=(
            (
                "Bring the part that does not work yet. We look at it together, free of"
                " charge."
            ),
            "带上还没跑通的部分，我们免费和您一起看。",
        ),
        action=("Ask for a time", "预约时间"),
        surfaces=("console", "mail"),
        moments=(Moment.USAGE_FALLING, Moment.TRIAL_ENDING),
    ),
    DefaultOffer(
        key="talk_to_us",
        kind=Kind.TALK,
        title=("Many seats, an invoice, another question?", "需要多个席位或发票？"),
        body=(
            "Write to us and a person answers by mail.",
            "写信给我们，将有专人以邮件回复。",
        ),
        action=("Talk to us", "联系我们"),
        surfaces=("pricing", "checkout", "console"),
        moments=(Moment.COLLEAGUE, Moment.CARD_FAILING),
    ),
    DefaultOffer(
        key="limits_guide",
        kind=Kind.DOCS,
        title=("How limits and allowances work", "限额与额度如何运作"),
        body=(
            (
                "Which limit refused the call, when it is over, and how to need fewer"
                " tokens."
            ),
            "了解哪项限额拒绝了调用、何时恢复，以及如何减少 token 用量。",
        ),
        action=("Read the guide", "阅读指南"),
        surfaces=("console", "playground", "gateway"),
        moments=(Moment.LIMIT_HIT, Moment.ALLOWANCE_80),
        target="/docs/",
    ),
    *(
        DefaultOffer(
            key=f"stay_{kind}",
            kind=Kind.STAY,
            title=title,
            body=body,
            action=action,
            surfaces=("cancel",),
            moments=_STAY,
            is_active=True,
        )
        for kind, title, body, action in (
            (
                "fewer_seats",
                ("Would this do?", "这样是否合适？"),
                (
                    "Keep the plan with as many seats as you use.",
                    "保留套餐，席位数与实际使用相符。",
                ),
                ("Look at it", "看一看"),
            ),
            (
                "smaller_plan",
                ("Would this do?", "这样是否合适？"),
                (
                    "Keep the premium models on a smaller plan.",
                    "换用较小的套餐，保留高级模型。",
                ),
                ("Look at it", "看一看"),
            ),
            (
                "yearly",
                ("Would this do?", "这样是否合适？"),
                (
                    "Pay by the year: it costs less than twelve months.",
                    "按年付费，比十二个月更便宜。",
                ),
                ("Look at it", "看一看"),
            ),
            (
                "talk",
                ("May we help?", "我们能帮忙吗？"),
                (
                    "Tell us what is missing: a person reads it and answers.",
                    "告诉我们缺少什么，将有专人阅读并回复。",
                ),
                ("Talk to us", "联系我们"),
            ),
        )
    ),
)
