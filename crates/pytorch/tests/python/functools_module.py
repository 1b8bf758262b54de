import functools
from functools import partial, reduce, lru_cache


def conv(cin, cout, kernel=3, stride=1, *, bias=True):
    return (cin, cout, kernel, stride, bias)


pointwise = partial(conv, kernel=1, bias=False)
print(pointwise(3, 8), pointwise(3, 8, stride=2), pointwise(1, 2, kernel=5))
stem = partial(partial(conv, 3), stride=2)
print(stem(64), stem.args, stem.keywords, stem.func is conv)

print(reduce(lambda a, b: a * b, [1, 2, 3, 4]), reduce(lambda a, b: a + b, [], 10))
print(functools.reduce(lambda a, b: a + [b], "abc", []))
try:
    reduce(lambda a, b: a, [])
except TypeError as error:
    print("TypeError:", error)


@lru_cache(maxsize=None)
def fib(n):
    return n if n < 2 else fib(n - 1) + fib(n - 2)


print(fib(60))


@functools.lru_cache()
def once(x):
    print("once", x)
    return x


once(1)
once(1)
print(list(map(partial(pow, 2), range(5))))


@functools.wraps(conv)
def wrapper(*args):
    return conv(*args)


print(wrapper.__name__, wrapper(1, 2))
