from __future__ import annotations
import copy
import torch
import torch.nn as nn
import torch.nn.functional as F
from collections import OrderedDict, defaultdict, namedtuple, Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from functools import partial, reduce, wraps
from typing import Any, Callable, List, NamedTuple, Optional, Tuple, Union

Size = Union[int, Tuple[int, int]]
norm = partial(nn.BatchNorm2d, eps=0.001)
print(norm(4), norm.func.__name__, norm.keywords)
Point = namedtuple('Point', ['x', 'y'])
p = Point(1, y=2)
print(p, p.x, p[1], p._replace(x=5), tuple(p), p == (1, 2))


class Out(NamedTuple):
    logits: int
    aux: Optional[int] = None


print(Out(3), Out(1, aux=2).aux)


@dataclass
class Config:
    width: int
    depth: int = 2
    layers: list = field(default_factory=list)


print(Config(3), Config(3, depth=4).depth, Config(1) == Config(1))


class Mode(Enum):
    TRAIN = 'train'
    TEST = 'test'


print(Mode.TRAIN, Mode.TRAIN.value, Mode('test').name, Mode.TRAIN == Mode.TRAIN, Mode.TRAIN is Mode.TEST)
d = defaultdict(list)
d['a'].append(1)
print(dict(d), reduce(lambda a, b: a * b, [1, 2, 3, 4]), Counter('abca')['a'], OrderedDict(a=1, b=2))
print(isinstance([1], Iterable), isinstance(3, Iterable))
layer = nn.Linear(2, 3)
twin = copy.deepcopy(layer)
print(twin, twin.weight is layer.weight, len(list(nn.ModuleList([layer, twin, layer]).parameters())))


def named(function):
    @wraps(function)
    def inner(*args):
        return function(*args)
    return inner


@named
def twice(x):
    return 2 * x


@torch.no_grad()
def quiet(x):
    return x


print(twice(4), quiet(1), torch.cuda.is_available(), torch.jit.is_scripting())
