"""Names of people from many places, each username once."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

FIRST = [
    "Mira",
    "Jonas",
    "Sofia",
    "Amir",
    "Noah",
    "Carla",
    "Tomas",
    "Ines",
    "Pavel",
    "Oscar",
    "Freya",
    "Rahul",
    "Maya",
    "Viktor",
    "Hana",
    "Leo",
    "Elif",
    "Mateo",
    "Nora",
    "Kenji",
    "Aisha",
    "Lukas",
    "Chloe",
    "Diego",
    "Anders",
    "Beatriz",
    "Callum",
    "Daria",
    "Emil",
    "Fatima",
    "Goran",
    "Helena",
    "Ivan",
    "Jana",
    "Karim",
    "Lena",
    "Marek",
    "Nadia",
    "Omar",
    "Petra",
    "Quentin",
    "Rosa",
    "Stefan",
    "Tara",
    "Ulrich",
    "Vera",
    "Wanda",
    "Ximena",
    "Yusuf",
    "Zoe",
    "Adrian",
    "Bruna",
    "Cedric",
    "Dilan",
    "Esra",
    "Filip",
    "Greta",
    "Henrik",
    "Isla",
    "Julien",
    "Katya",
    "Liam",
    "Magnus",
    "Nina",
    "Olga",
    "Pedro",
    "Renata",
    "Samir",
    "Tilda",
    "Umar",
    "Valentina",
    "Wiktor",
    "Yara",
    "Zofia",
    "Arjun",
    "Birgit",
    "Celia",
    "Dmitri",
    "Eva",
    "Fernando",
    "Gabriela",
    "Hugo",
    "Imani",
    "Joana",
    "Kwame",
    "Laila",
    "Miguel",
    "Naveen",
    "Ondrej",
    "Priya",
    "Ravi",
    "Sanna",
    "Thiago",
]
LAST = [
    "Kovac",
    "Lindberg",
    "Moreau",
    "Rossi",
    "Haddad",
    "Novak",
    "Silva",
    "Petrov",
    "Tanaka",
    "Okafor",
    "Berg",
    "Costa",
    "Dvorak",
    "Eriksen",
    "Fischer",
    "Garcia",
    "Hansen",
    "Ibrahim",
    "Jansen",
    "Kaya",
    "Larsen",
    "Mendes",
    "Nilsson",
    "Ortega",
    "Park",
    "Quinn",
    "Rivera",
    "Sato",
    "Torres",
    "Ueda",
    "Varga",
    "Weber",
    "Yilmaz",
    "Zhukov",
    "Almeida",
    "Bauer",
    "Castro",
    "Dumont",
    "Engel",
    "Ferrari",
    "Gomez",
    "Horvat",
    "Iyer",
    "Jovic",
    "Keller",
    "Lopez",
    "Marino",
    "Nowak",
    "Olsen",
    "Pereira",
    "Rao",
    "Schmidt",
    "Toth",
    "Urban",
    "Vidal",
    "Walsh",
    "Young",
    "Zeman",
    "Andersen",
    "Bianchi",
    "Cohen",
    "Diaz",
    "Evans",
    "Farkas",
    "Gupta",
    "Hoffmann",
    "Ivanova",
    "Jensen",
    "Klein",
    "Lang",
    "Martin",
    "Nagy",
    "Osei",
    "Popescu",
    "Richter",
    "Santos",
    "Thomsen",
    "Vogel",
    "Wagner",
    "Ziegler",
    "Adeyemi",
    "Blanc",
    "Chen",
    "Durand",
    "Emery",
]
SURNAMES = (
    ("wang", "王"), ("li", "李"), ("zhang", "张"), ("liu", "刘"), ("chen", "陈"),
    ("yang", "杨"), ("huang", "黄"), ("zhao", "赵"), ("wu", "吴"), ("zhou", "周"),
    ("xu", "徐"), ("sun", "孙"), ("ma", "马"), ("zhu", "朱"), ("hu", "胡"),
    ("guo", "郭"), ("he", "何"), ("lin", "林"), ("gao", "高"), ("luo", "罗"),
    ("zheng", "郑"), ("liang", "梁"), ("xie", "谢"), ("song", "宋"), ("tang", "唐"),
    ("xu2", "许"), ("han", "韩"), ("feng", "冯"), ("deng", "邓"), ("cao", "曹"),
)  # fmt: skip
GIVEN = (
    ("wei", "伟"), ("fang", "芳"), ("na", "娜"), ("min", "敏"), ("jing", "静"),
    ("qiang", "强"), ("lei", "磊"), ("yang", "洋"), ("yan", "艳"), ("jie", "杰"),
    ("juan", "娟"), ("tao", "涛"), ("ming", "明"), ("chao", "超"), ("xia", "霞"),
    ("ping", "平"), ("gang", "刚"), ("yuting", "雨婷"), ("zihan", "子涵"), ("haoran", "浩然"),
    ("xinyi", "欣怡"), ("yuxuan", "宇轩"), ("siyuan", "思远"), ("jiahui", "佳慧"), ("zhiyuan", "志远"),
    ("mengqi", "梦琪"), ("tianyi", "天一"), ("ruoxi", "若溪"), ("bowen", "博文"), ("kexin", "可欣"),
    ("yichen", "逸晨"), ("shuyi", "淑怡"), ("junjie", "俊杰"), ("xiaoyu", "晓雨"), ("jianguo", "建国"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Name:
    """How somebody is called, and what they sign in as."""

    username: str
    display_name: str


def western(rng: random.Random) -> Iterator[Name]:
    """Yield names from many countries; some people go by a first name only."""
    pairs = [(first, last) for first in FIRST for last in LAST]
    rng.shuffle(pairs)
    seen: set[str] = set()
    for style in range(4):
        for first, last in pairs:
            name = _western(first, last, style, rng)
            if name.username not in seen:
                seen.add(name.username)
                yield name


def chinese(rng: random.Random) -> Iterator[Name]:
    """Yield Chinese names; the username is their pinyin, in one order or the other."""
    pairs = [(surname, given) for surname in SURNAMES for given in GIVEN]
    rng.shuffle(pairs)
    seen: set[str] = set()
    for style in range(6):
        for (family, family_han), (given, given_han) in pairs:
            family = family.rstrip("2")
            username = (
                f"{family}-{given}",
                f"{given}{family}",
                f"{given}-{family}",
                f"{family}{given}",
                f"{given}_{family}",
                f"{family}_{given}",
            )[style]
            if username not in seen:
                seen.add(username)
                yield Name(username, f"{family_han}{given_han}")


def _western(first: str, last: str, style: int, rng: random.Random) -> Name:
    given, family = first.lower(), last.lower()
    shape = (rng.random() + style) % 4
    if style == 0 and shape < 0.06:
        return Name(given, first)
    username = (
        (f"{given}-{family}", f"{given[0]}{family}", f"{given}{family}")[int(shape * 3)]
        if style == 0
        else (f"{family}-{given}", f"{given}_{family}", f"{family}{given}")[style - 1]
    )
    display = f"{first} {last}" if rng.random() < 0.8 else ""
    return Name(username, display)
