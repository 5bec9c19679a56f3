"""Questions with the sections that answer them, over all pages of four trees.

Written and labelled by reading each page, without the questions its writers say it
answers, before what answers was changed for the third time. Worded as people type: in a
few words, at length, as a pasted error, with a slip of the finger, in words that the
page does not use. A label names every section that answers, ``page#anchor``, or
``page`` alone for what stands before its first heading. An anchor is that of the
English page, or of the Chinese one where there is no other. The half of a question is
drawn from its text (``judged.half_of``).
"""

SITE_ENGLISH = {
    "llm friendly version of these docs": "index#these-pages-for-programs",
    "will I ever be surprised by an invoice": (
        "index#three-promises billing/payments#use-beyond-the-plan"
        " billing/payments#when-the-allowance-is-used-up api/limits#monthly-allowance"
    ),
    "what do I put as base_url in the openai python client": (
        "quick-start#call-it-from-python api api/streaming#stream-from-python"
        " api/models api/retries#what-to-retry api/messages-and-responses#responses"
    ),
    "which json field holds the reply text": (
        "quick-start#call-a-model-with-curl api/chat#the-answer"
    ),
    "ds_live vs dsp_": "concepts#api-keys rest-api",
    "is there a workspace of my own right after I register": "concepts#organisations",
    "minimum password lenght": "security#password-and-sign-in",
    "can someone find out through the login form that I have an account here": (
        "security#password-and-sign-in"
    ),
    "yubikey": "security#passkeys",
    "what if an owner never sets up 2fa": "security#two-factor-authentication",
    "who is in N": "conversion#the-formula",
    "the slide deck says 30000 profit, we get 3000, who is right": (
        "conversion#why-30-000-is-wrong conversion#the-worked-example"
    ),
    "yesterday's conversion rate looks terrible, is something broken": (
        "conversion#reading-the-figures"
    ),
    "NRR of customers who already pay us": "conversion#revenue",
    "how few users are too few for an effect to be shown": (
        "causes#when-not-to-believe-it"
    ),
    "unobserved confounder": "causes#when-not-to-believe-it",
    "how many promos can one person get in a day": "offers#moments-and-offers",
    "test groups have very unequal size": "offers#did-it-help",
    "somebody filled in the contact form on pricing, until when must we reply": (
        "offers#leads"
    ),
    "reputation for a merged pull request": (
        "contributing contributing#how-a-pull-request-is-credited"
        " community/reputation#what-earns-points"
    ),
    "in what sequence do docs pages appear in the sidebar": (
        "contributing#write-documentation"
    ),
    "users must do the steps one right after the other, nothing in between": (
        "staff-questions#what-a-funnel-means"
    ),
    "my new event is not counted anywhere": "staff-questions#the-event-dictionary",
    '{"code": "bad_cursor"}': "rest-api#errors rest-api#pages",
    "swagger / openapi file": "rest-api self-hosting/operations#commands",
    "429 from /api/v1/topics/": "rest-api#errors rest-api#limits",
    "getting 401 although the key is pasted correctly": (
        "api#authentication api/errors#the-request-is-wrong console/keys#revoke-a-key"
    ),
    "can I gzip the request body": "api api/errors#the-request-is-wrong",
    "is there an embeddings route": "api#endpoints",
    "answers end in mid-sentence, finish_reason says length": "api/chat#the-answer",
    "top_k and min_p": "api/chat#parameters",
    "if I don't give max_tokens how long can the reply get": "api/chat#parameters",
    "openai.InternalServerError: Error code: 504 upstream_timeout": (
        "api/errors#something-failed-on-our-side"
    ),
    "openai.RateLimitError: Error code: 429 - insufficient_quota": (
        "api/errors#you-are-over-a-limit api/limits#monthly-allowance"
        " billing/payments#when-the-allowance-is-used-up"
        " console/budgets#what-a-refused-call-says"
    ),
    "anthropic.APIStatusError 402": "api/errors#errors-of-messages",
    "idempotency_answer_gone": "api/errors#the-request-is-wrong",
    "how many calls in parallel without paying": "api/limits#limits-by-plan",
    "do rejected calls eat into my limit": "api/limits#how-the-limits-count",
    "x-ratelimit-reset-requests format": "api/limits#headers",
    "my sse parser chokes on lines that start with a colon": "api/streaming#the-events",
    "usage is None in every chunk": "api/streaming#usage-of-a-stream",
    "how long should my script sleep between attempts": "api/retries#what-to-retry",
    "does it fail over to another server by itself": (
        "api/retries#what-the-gateway-does-before-you-have-to"
        " self-hosting/models#several-deployments"
    ),
    "how are fractions of a cent rounded": "api/usage-and-cost#the-formula",
    "do I pay for calls that errored": (
        "api/usage-and-cost#what-is-charged api/errors#something-failed-on-our-side"
        " console/usage#outcomes"
    ),
    "context window of doorstone-docs-pro": "api/models#the-built-in-models",
    "does changing the temperature do anything for the docs bot": (
        "api/models#how-the-documentation-assistants-answer"
    ),
    "estimate tokens before I send a prompt": (
        "api/messages-and-responses#messages api#endpoints"
    ),
    "prompt caching like anthropic's": "api/messages-and-responses#what-differs",
    "if I close the tab is the chat gone": "api/playground#ask",
    "elo score of the models": "api/playground#compare-models",
    "limit who can open a chat link to my colleagues": (
        "api/playground#share-and-go-on"
    ),
    "pro yearly price": "billing#what-it-costs",
    "more members than seats": "billing#seats",
    "change the address printed on our invoices": (
        "billing/payments#the-payment-portal billing/payments#invoices"
    ),
    "when does a downgrade kick in": "billing/payments#change-the-plan",
    "changed my mind, don't cancel after all": "billing/payments#cancel",
    "how soon can I use the paid models after checkout": (
        "billing/subscribing#within-a-second"
    ),
    "can a plain member invite others": "console#roles",
    "who revoked our production key": "console#audit-log",
    "key that can only be used for embeddings": "console/keys#create-a-key",
    "asks me for my password again each time I create a key": (
        "console/keys security#password-and-sign-in"
    ),
    "mail at 80 percent": "console/budgets#be-told-before-it-is-used-up",
    "which credit is consumed first": "console/budgets#credit",
    "what is 'Broke off' in the log": "console/usage#outcomes",
    "do remembered replies cost anything": "console/cache#what-it-costs",
    "longest time transcripts can be kept": "console/privacy#keep-transcripts",
    "mask credit card numbers in prompts": (
        "console/privacy#hide-personal-data console/keys#create-a-key"
    ),
    "emoji on a post": "community#comment-react-keep",
    "someone else saved while I was editing": "community#edit",
    "merge duplicate threads": "community/reputation#what-moderators-do",
    "flag an insulting post": "community/reputation#report-a-text",
    "longest post allowed": "community/markdown#limits",
    "does search find plurals and other endings": "community/search#what-is-found",
    "how long does the referral cookie last": "community/invite",
    "password of the demo users": "self-hosting#start-it",
    "store the data on another disk": "self-hosting#ports-and-places",
    "Invalid HTTP_HOST header: 'ai.corp.example'": (
        "self-hosting/configuration#required-in-production"
    ),
    "sso with keycloak": (
        "self-hosting/configuration#optional security#password-and-sign-in"
    ),
    "change the secret key without logging everyone out": (
        "self-hosting/configuration#optional"
    ),
    "raise the timeout for a slow upstream": "self-hosting/models#several-deployments",
    "declare that a model accepts images": "self-hosting/models#offer-it-from-python",
    "a stripe event failed twenty times, where is it now": (
        "self-hosting/integrations#what-happens-to-a-webhook"
    ),
    "restore from a dump": "self-hosting/operations#backups",
    "import a stack exchange data dump": "self-hosting/moving-in",
}
SITE_CHINESE = {
    "文档能拿到 Markdown 原文吗": "index#these-pages-for-programs",
    "你们承诺哪些东西一直免费": "index#three-promises billing billing#what-it-costs",
    "密钥应该放在代码里吗": "quick-start#make-a-key",
    "npm 要装哪个包": "quick-start#call-it-from-javascript",
    "allowance 和 credit 有什么不一样": (
        "concepts#plans-and-allowances console/budgets console/budgets#credit"
    ),
    "我同时在几家公司，怎么切换": "concepts#organisations console",
    "怀疑账号被盗了先做什么": "security#report-a-problem",
    "退出登录以后 API key 还有效吗": "security#api-keys-and-tokens",
    "恢复码能重复用吗": "security#two-factor-authentication",
    "免费用户烧掉的成本算不算进利润": "conversion#two-kinds-of-cost",
    "利润和总账对不上怎么查": "conversion#the-bridge-to-the-ledger",
    "一家公司有五十个开发者，算一个还是五十个": "conversion#people-or-organisations",
    "从访问到付费一共有哪几步": "conversion#the-funnel",
    "因果效应是拿谁和谁比出来的": "causes#how-it-is-computed",
    "营销活动开始以后还能改步骤吗": "causes#campaigns",
    "有百分之几的组织永远收不到优惠": (
        "offers#moments-and-offers self-hosting/configuration#optional"
    ),
    "赔钱的优惠会自动停吗": "offers#did-it-help",
    "PR 被关掉没合并有分吗": "contributing#how-a-pull-request-is-credited",
    "没翻译的页面读者看到什么": "contributing#write-documentation",
    "换了 GitHub 用户名要重新绑定吗": "contributing#link-your-github-account",
    "分析报表导成 CSV": "staff-questions#kinds-of-questions",
    "analytics rebuild": "staff-questions#how-old-answers-are",
    "already_solved": "rest-api#errors",
    "脚本发帖怎么保证不发两遍": "rest-api#send-a-request-twice",
    "nano 是多少钱": (
        "rest-api#amounts console/usage#export api/usage-and-cost#the-formula"
    ),
    "token 的 scope 有哪几种": "rest-api#make-a-token",
    "x-client-request-id 最长多少": "api#request-ids",
    "请求头里怎么带 key": ("api#authentication api quick-start#call-a-model-with-curl"),
    "n 参数最大能填几": "api/chat#parameters",
    "developer 角色支持吗": "api/chat#roles",
    "补全接口的 prompt 能传数组吗": "api/chat#completions",
    "model_requires_plan 怎么解决": (
        "api/errors#the-request-is-wrong concepts#open-and-premium-models"
        " quick-start#what-next billing/subscribing#within-a-second"
    ),
    "报 no_deployment": "api/errors#something-failed-on-our-side",
    "Claude SDK 报 prompt is too long: 对话装不下": (
        "api/errors#errors-of-messages api/chat#context-length"
    ),
    "企业版一分钟能跑多少 token": "api/limits#limits-by-plan",
    "max_tokens 写得很大会不会更容易被限流": "api/limits#how-the-limits-count",
    "没收到 [DONE] 是怎么回事": "api/streaming#when-a-stream-breaks-off",
    "curl 加什么参数才能实时看到输出": "api/streaming#stream-with-curl",
    "重试之间要等多久": ("api/retries#what-to-retry api/limits#headers api/retries"),
    "同一个 Idempotency-Key 能用多久": (
        "api/retries#a-request-sent-twice rest-api#send-a-request-twice"
    ),
    "缓存的那部分输入怎么从价格里减": "api/usage-and-cost#the-formula",
    "在哪能看到这次调用花了几分钱": (
        "api/usage-and-cost#where-to-see-it api/chat#the-answer api/limits#headers"
        " console/usage#what-it-shows"
    ),
    "怎么用代码拿到模型清单": "api/models api#endpoints",
    "文档助手会用中文回答吗": "api/models#how-the-documentation-assistants-answer",
    "支持 MCP 吗": "api/messages-and-responses#what-differs",
    "responses 接口会保存我的对话吗": "api/messages-and-responses#responses",
    "不注册能试试模型吗": "api/playground",
    "试玩页面能导出 Python 代码吗": "api/playground#settings",
    "在 playground 里聊天也扣额度吗": "api/playground#what-it-uses",
    "团队版最多多少人": "billing#what-it-costs",
    "审计日志要买哪个套餐才有": "billing#what-it-costs",
    "加人要怎么加座位": "billing#seats billing/payments#change-the-plan",
    "信用卡过期了换一张": "billing/payments#the-payment-portal",
    "扣款失败会马上停用吗": (
        "billing/payments#when-a-payment-fails billing/payments#what-each-state-means"
    ),
    "升级的差价怎么算": "billing/payments#change-the-plan",
    "退订之后密钥和数据还在吗": (
        "billing/payments#cancel billing/payments#when-a-payment-fails"
    ),
    "演示环境付款会真的扣钱吗": (
        "billing/subscribing#your-card self-hosting#what-it-starts"
    ),
    "谁有权限买套餐": "billing/subscribing console#roles billing/payments",
    "邀请邮件被转发给别人，别人能进来吗": "console#invite-members",
    "管理员角色能看账单吗": "console#roles",
    "给密钥设过期日期": "console/keys#create-a-key",
    "离职也不受影响的、给程序用的密钥": (
        "console/keys#create-a-key console/budgets#set-a-budget"
    ),
    "命令行里怎么生成密钥": (
        "console/keys#if-a-key-leaked self-hosting/operations#commands"
    ),
    "预算超了只提醒别拦": "console/budgets#set-a-budget",
    "被 429 拒绝的请求为什么日志里没有": "console/usage#outcomes",
    "什么样的请求算一模一样": "console/cache#what-is-identical",
    "平台员工能看到我们的提示词吗": (
        "console/privacy#keep-transcripts console/privacy api#what-is-kept-of-a-call"
    ),
    "图片里的身份证号会被遮住吗": "console/privacy#what-stays",
    "自己把自己的答案标成正确，有积分吗": "community#accept-an-answer",
    "一天最多能投几票": "community#vote community/reputation#trust-levels",
    "一个帖子最多加几个标签": "community#ask-a-question",
    "某个版块的 RSS": "community#feeds",
    "点赞取消了分会收回吗": "community/reputation#what-earns-points",
    "分数被别人看得到吗": "community/reputation#where-you-see-them",
    "内部版块的内容会被搜出来吗": "community/reputation#who-reads-what",
    "金额里的 $ 被当成公式了": "community/markdown#formulas",
    "表格里数字靠右": "community/markdown#tables",
    "只在文档里搜，不要论坛": "community/search#narrow-it-down",
    "拉同公司的同事进来有奖励吗": "community/invite",
    "要不要 docker": "self-hosting",
    "另开一个终端跑 manage.py 连不上数据库": "self-hosting#commands-beside-it",
    "FIELD_KEYS 丢了会怎样": (
        "self-hosting/operations#backups"
        " self-hosting/configuration#required-in-production"
    ),
    "必须装 pgvector 吗": "self-hosting/configuration#your-own-postgresql-and-redis",
    "beat 可以开两个吗": "self-hosting/configuration#the-processes-in-production",
    "模型下架以后历史用量还在吗": "self-hosting/models#add-one-by-a-command",
    "流式多久没数据会超时": "self-hosting/models#several-deployments",
    "上游不返回 usage 怎么计费": (
        "self-hosting/models#usage api/usage-and-cost#what-is-charged"
    ),
    "GitHub 的 OAuth app 里 callback 填什么": "self-hosting/integrations#sign-in-and-linking",
    "Redis 挂了网站还能打开吗": (
        "self-hosting/operations#health self-hosting/operations#when-redis-was-lost"
    ),
    "升级重启时正在输出的回答会断吗": "self-hosting/operations#upgrade",
    "导入老论坛会给老用户群发邮件吗": "self-hosting/moving-in",
}
# About the older version, which only the premium model reads.
OLD_ENGLISH = {
    "was chinese text found by the search box of 0.9": "0.9/community#search",
    "points for an accepted answer back in 0.9": (
        "0.9/community#points 0.9/upgrade#what-changes-for-readers"
    ),
    "do I need a beat process when coming from 0.9": "0.9/upgrade",
    "token usage at the end of a 0.9 stream": "0.9/api#streaming 0.9/quick-start",
}
OLD_CHINESE = {
    "0.9 还有人维护吗": "0.9/index",
    "0.9 的密钥能限定模型吗": "0.9/keys",
    "0.9 怎么启动 celery": "0.9/self-hosting",
    "从 0.9 升级第一步做什么": "0.9/upgrade",
    "0.9 会返回哪些错误码": "0.9/api#errors",
}
KESTREL_ENGLISH = {
    "what kind of database is behind it": "index",
    "zip code must have five digits": "building#mandatory-fields-and-patterns",
    "qr code for our poster": "embedding",
    "private key of a sealed form is gone": "privacy#encrypt-submissions",
    "signature does not match in my php receiver": "webhooks#check-the-signature",
    "offer a waiting list once it is full": "submissions#close-a-form",
    "colleague logged in through sso but sees no forms": "people#single-sign-on",
    "entries per second on one box": "backup#how-big-it-gets",
    "css classes to restyle the fields": "embedding#looks",
    "which port does it listen on": "install#https",
    "mail back to the person who filled it in": (
        "submissions#answer-the-sender mail#confirm-to-the-sender"
    ),
}
# Of pages that are only in English.
KESTREL_CHINESE = {
    "表单支持多种语言吗": "building#translations",
    "能手写签名吗": "building#kinds-of-fields",
    "正常的提交被当成垃圾了，能找回吗": "spam#junk-that-came-through",
    "链接里带参数自动填好姓名": "embedding#fill-in-beforehand",
    "同事离职了账号怎么处理": "people#somebody-left",
    "确认信里怎么写上对方的名字": "mail#confirm-to-the-sender",
    "每天只发一封汇总邮件": "mail#tell-the-team",
}
MARRAM_ENGLISH = {
    "windows 10 ok?": "index#what-it-runs-on install#windows",
    "the very first run takes ages": "first-backup",
    "M201": "errors retention",
    "skip huge iso images": "exclude exclude#by-size",
    "pc was asleep at backup time": "schedule",
    "stop ransomware from wiping the backups on the server": (
        "sftp#keep-the-server-from-deleting"
    ),
    "uninstall it": "install#linux",
    "don't hog our uplink during office hours": "bandwidth",
    "trial period for a company": "licence",
    "can the hosting company read my file names": "encryption",
}
MARRAM_CHINESE = {
    "提示 M102": "errors",
    "笔记本没插电会备份吗": "schedule#on-battery",
    "取回文件会不会盖掉我新改的那份": "restore#one-file-or-folder",
    "密码忘了还有救吗": "encryption#if-the-passphrase-is-lost",
    "备份失败了发到企业微信群": "notify#企业微信 notify",
    "抽一部分数据查查有没有坏": "verify",
    "两台电脑能共用一个仓库吗": "repositories",
    "公司代理换了证书报错": "proxy#自签名证书",
}
QINGHE_CHINESE = {
    "照片会不会传到你们公司": "index",
    "孩子长大以后被认成两个人": "faces#认错了",
    "人名和相簿没备份，只剩照片了怎么办": "backup#硬盘坏了",
    "想让截图也一起备份": "phone#选择相簿",
    "换了新手机会不会全部重传一遍": "phone#重复的照片",
    "苹果相册里的照片怎么弄过来": "import#icloud",
    "缩略图占多大地方": "storage#占用",
    "上传卡在 99% 不动": "trouble#上传总是失败",
    "看地图要联网吗": "places#地图",
    "夫妻俩想互相看到对方的全部照片": "sharing#家庭成员",
    "发给你们的诊断包里有隐私吗": "trouble#提交问题",
    "从哪里看链接被打开过几次": "sharing#取消",
}
# Of pages that are only in Chinese.
QINGHE_ENGLISH = {
    "two-step login": "account#两步验证",
    "videos are too big to play smoothly": "storage#视频太大",
    "blank thumbnails": "trouble#缩略图是空白",
    "hand the admin role to someone else": "account#管理员交给别人",
    "how much ram does it need": "install",
    "strip gps from shared links": "places#分享时去掉位置",
    "port 8765 already in use": "trouble#网页打不开",
}
# Near the subject on purpose, then far away.
SITE_UNANSWERABLE_ENGLISH = [
    "sign in with ldap",
    "saml with okta",
    "native ios app",
    "replace the logo and the colours of the site",
    "soc 2 report",
    "uptime guarantee in the contract",
    "money back if I am not happy",
    "delete my account for good",
    "pick another user name",
    "assign a topic to a colleague",
    "attach a pdf to a post",
    "a post that everybody can edit like a wiki",
    "open a jira ticket from a topic",
    "push notifications on my phone",
    "text to speech voices",
    "realtime websocket api",
    "upload a file once and refer to it by id in later calls",
    "live chat bubble for visitors",
    "how many days is the free trial of pro",
    "give a customer a special price per token for one model only",
    "deploy it to aws lambda",
    "archive old topics automatically",
    "count visitors with google analytics",
    "book our invoices in datev",
    "split one invoice between two departments",
    "let only people with our company's mail domain sign up",
    "log in as another user to see what he sees",
    "apple pay",
    "how does smollm2 score on mmlu",
    "speak a prompt instead of typing it",
    "generate an image",
    "show the page load time of our customers",
    "schedule a prompt to run every night",
    "how tall is mount everest",
    "reverse a list in python",
    "good pizza place in naples",
]
SITE_UNANSWERABLE_CHINESE = [
    "微信扫码登录",
    "用手机号注册",
    "专业版有几天试用",
    "一次性买断源码多少钱",
    "数据会不会传到国外",
    "接企业微信机器人发通知",
    "银联卡能付吗",
    "回答能朗读出来吗",
    "给帖子打赏",
    "每天签到送积分",
    "夜间模式在哪里开",
    "帖子里能传附件吗",
    "怎么部署到 k8s",
    "能把论坛嵌到我们官网里吗",
    "客服几点上班",
    "有没有 Java 的 SDK",
    "能屏蔽某些敏感词吗",
    "调用量大能打折吗",
    "怎么给文档加评论区",
    "能用 Apple Pay 吗",
    "发票按部门拆开",
    "只让公司邮箱的人注册",
    "管理员能冒充用户登录排查问题吗",
    "playground 里能语音输入吗",
    "smollm2 的跑分是多少",
    "能在钉钉里直接提问吗",
    "帖子多久自动归档",
    "让模型每天定时跑一次",
    "能画流程图吗",
    "怎么接谷歌统计",
    "有没有线下活动",
    "生日那天有福利吗",
    "红烧牛肉要炖多久",
    "北京到上海高铁几小时",
    "Java 怎么给数组排序",
    "推荐几部好看的电影",
]
KESTREL_UNANSWERABLE_ENGLISH = [
    "send entries to salesforce",
    "dark theme for the administration",
    "vote between two drafts of a form",
]
KESTREL_UNANSWERABLE_CHINESE = [
    "能接微信小程序吗",
    "可以在线考试自动打分吗",
]
MARRAM_UNANSWERABLE_ENGLISH = [
    "keep two computers in sync both ways",
    "restore onto an android phone",
    "boot the rescue stick",
]
MARRAM_UNANSWERABLE_CHINESE = [
    "能备份到阿里云盘吗",
    "有没有图形界面",
    "怎么备份整个系统分区",
]
QINGHE_UNANSWERABLE_CHINESE = [
    "能和小米云同步吗",
    "可以给照片加滤镜吗",
    "有没有网页版的幻灯片播放",
]
QINGHE_UNANSWERABLE_ENGLISH = [
    "desktop app for windows",
    "slideshow with music",
    "who won the league last year",
]
