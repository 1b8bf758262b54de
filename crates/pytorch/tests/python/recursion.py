def fact(n):
    return 1 if n <= 1 else n * fact(n - 1)


def gcd(a, b):
    return a if b == 0 else gcd(b, a % b)


def even(n):
    return True if n == 0 else odd(n - 1)


def odd(n):
    return False if n == 0 else even(n - 1)


def depth(tree):
    return 1 + max(map(depth, tree), default=0) if isinstance(tree, list) else 0


def walk(module, prefix=""):
    for name, child in module.items():
        path = prefix + ("." if prefix else "") + name
        if isinstance(child, dict):
            yield from walk(child, path)
        else:
            yield path, child


print(fact(10), gcd(48, 18), even(10), depth([1, [2, [3]], []]))
print(list(walk({"features": {"0": "conv", "1": {"a": "bn"}}, "fc": "linear"})))


def forever(n):
    return forever(n + 1)


try:
    forever(0)
except RecursionError as error:
    print(type(error).__name__, isinstance(error, RuntimeError))


def permute(items):
    return [[x] + rest for i, x in enumerate(items) for rest in permute(items[:i] + items[i + 1:])] if items else [[]]


print(permute([1, 2, 3]), len(permute(list(range(5)))))
