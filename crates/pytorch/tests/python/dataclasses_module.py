from dataclasses import dataclass, field, asdict, replace, fields
from typing import List, Optional


@dataclass
class Block:
    channels: int
    kernel: int = 3
    strides: List[int] = field(default_factory=list)
    name: Optional[str] = None
    hidden: int = field(default=0, repr=False)

    def width(self):
        return self.channels * 2


a = Block(16)
b = Block(16, strides=[1])
print(a, b, a == Block(16), a == b, a.width(), a.hidden)
a.strides.append(2)
print(a.strides, Block(1).strides, asdict(b), replace(a, kernel=5), [f.name for f in fields(Block)])


@dataclass(frozen=True)
class Config:
    depth: int = 18
    widths: tuple = (64, 128)

    @property
    def last(self):
        return self.widths[-1]


c = Config(depth=34)
print(c, c.last, {c: 1}[Config(34)], hash(c) == hash(Config(34)))
try:
    c.depth = 50
except Exception as error:
    print(type(error).__name__, error)


@dataclass
class Child(Block):
    groups: int = 1

    def __post_init__(self):
        self.name = self.name or f"child{self.channels}"


print(Child(8), Child(8, groups=2).name)
try:
    Block()
except TypeError as error:
    print(error)
try:
    Block(1, kernal=3)
except TypeError as error:
    print(error)


@dataclass(order=True)
class Ranked:
    score: float
    label: str = "x"


print(Ranked(1.0) < Ranked(2.0), sorted([Ranked(2.0, "b"), Ranked(1.0, "c")]))
