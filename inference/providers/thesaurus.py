"""Words people ask with, beside the words the documentation uses.

Each line is a group of words that ask for the same thing; a page that uses one of
them answers a question that uses another, if a little less surely than one with the
very word. A word may stand in several groups. Add a line when a question in plain
words finds nothing, and the question to the tests.
"""

from collections.abc import Iterator
from functools import cache

from search.text import stem

_ENGLISH = """
cost costs price prices pricing expensive cheap fee
pay paid payment charge charged bill billed
stop cancel end quit terminate
make create new add
rotate replace switch swap renew exchange
leaked stolen stole steal exposed compromised
lost lose forgot forgotten
install start deploy server host hosting self-hosting
upgrade update release
see look find view show
partial piece pieces streaming stream
reply answer response output
call calls request requests
fast speed rate limit limits often
free community
colleague member somebody teammate coworker staff
revoke kill disable deactivate invalidate
logout signout session sessions logged signed
thread threads topic topics
delete remove erase wipe discard throw
biggest largest maximum max
smallest minimum min least
attachment attachments file files upload uploads
compulsory mandatory required obligatory
recover restore undelete
laptop computer machine pc
admin administrator staff
email mail mails
rss feed feeds atom
captcha recaptcha robot robots bot bots spam
random temperature sampling
scratch anew fresh reset
expire expires expired expiry valid
invite join
keep kept store stored save saved
chat chats conversation prompt prompts
follow watch subscribe notification
report tell contact
vulnerability problem security hole
environment variable variables configuration setting settings
reward rewarded credit credited points
contribution contribute contributing pull
money amount dollar dollars spent spending
download export csv
wrong fail failed fails failure error
length long longest context
"""
_CHINESE = """
收费 价格 多少钱 费用 花费 贵
付款 付钱 扣款 支付 付费
信用卡 银行卡 付款
取消 退订 停止
创建 新建 生成
轮换 换新 更换 换成 替换
泄露 被盗 偷
丢失 忘了 丢了 遗失
安装 启动 部署
升级 更新 新版本
查看 看到 在哪
流式 边生成 逐字 片段
回答 响应 回复 输出
调用 请求
次数 几次 多少次 速度 速率
免费版 社区版 免费
企业版 企业
同事 成员 队友 员工
撤销 停用 吊销 作废
登出 退出 会话
删除 清除 移除 删掉 清空
双因素 两步验证 二次验证 验证器
附件 上传 文件
涨价 调价 价格
示例 例子 样例
机器人 助手
最低 最少 至少
找回 恢复 还原
电脑 设备 机器
管理员 工作人员
到期 有效期 失效
额度 限额 配额
邀请 拉进 加入
保存 保留 存储
关注 订阅话题 通知
环境变量 变量 配置
发布 接入 添加 上架
积分 奖励 得分
导出 下载
失败 不成功 错误 出错 报错
中断 断开 断了 中途
恢复 还原
手机 验证器 两步验证
数据库 PostgreSQL
自己的 自有
限制 最多 上限 限额
帖子 话题 Markdown 社区
公式 数学
"""


@cache
def groups() -> dict[str, frozenset[str]]:
    """Return each word (an English one by its stem) with the others of its groups."""
    found: dict[str, set[str]] = {}
    for line in (*_ENGLISH.split("\n"), *_CHINESE.split("\n")):
        words = {_key(word) for word in line.split()}
        for word in words:
            found.setdefault(word, set()).update(words - {word})
    return {word: frozenset(others) for word, others in found.items()}


def near(word: str) -> frozenset[str]:
    """Return the words that ask for the same as ``word``; often none."""
    return groups().get(_key(word), frozenset())


def split(run: str) -> Iterator[tuple[str, bool]]:
    """Yield the words of a Han run that are known here, and what is between them.

    The longest known word wins; the flag tells whether a piece is one.
    """
    rest = ""
    at = 0
    while at < len(run):
        word = next(
            (
                run[at : at + length]
                for length in range(min(5, len(run) - at), 1, -1)
                if run[at : at + length] in groups()
            ),
            "",
        )
        if not word:
            rest += run[at]
            at += 1
            continue
        if rest:
            yield rest, False
            rest = ""
        yield word, True
        at += len(word)
    if rest:
        yield rest, False


def _key(word: str) -> str:
    return stem(word.lower()) if word.isascii() else word
