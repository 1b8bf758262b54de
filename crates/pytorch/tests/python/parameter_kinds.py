"""Positional-only and keyword-only parameters, and the errors of wrong calls."""


def only(a, b, /, c, *, d=0):
    return a, b, c, d


print(only(1, 2, 3), only(1, 2, c=3, d=4))


def keywords(*, dim, keepdim=False):
    return dim, keepdim


print(keywords(dim=1), keywords(keepdim=True, dim=(2, 3)))


def tried(call):
    try:
        return call()
    except TypeError as error:
        return f"TypeError: {error}"


print(tried(lambda: keywords(1)))
print(tried(lambda: keywords()))
print(tried(lambda: only(1, b=2, c=3)))
print(tried(lambda: only(1)))
print(tried(lambda: only(1, 2, 3, 4)))
print(tried(lambda: only(1, 2, 3, e=4)))
print(tried(lambda: only(1, 2, 3, c=4)))


def plain(x, y):
    return x - y


print(tried(lambda: plain()))
print(tried(lambda: plain(1)))
print(tried(lambda: plain(1, 2, 3)))
print(plain(y=1, x=5))
