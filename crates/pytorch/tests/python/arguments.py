"""*args and **kwargs, in definitions and calls."""


def show(*args, **kwargs):
    print(args, kwargs)


show()
show(1, 2, x=3)
show(*[1, 2], *(3,), **{"a": 1}, **{"b": 2})
show(*range(3), 9, *"ab", z=0, **dict(y=1))


def mixed(a, b=2, *rest, c, d=4, **more):
    return a, b, rest, c, d, more


print(mixed(1, c=3))
print(mixed(1, 2, 3, 4, c=5, e=6))
print(mixed(*[1], **{"c": 2, "d": 3, "f": 4}))


def forward(*args, **kwargs):
    return mixed(*args, **kwargs)


print(forward(0, c="c", q=[1]))


def modified(**kwargs):
    kwargs["new"] = 1
    kwargs.pop("old", None)
    return kwargs


original = {"old": 0, "kept": 2}
print(modified(**original), original)
kwargs = {"stride": 2}
kwargs.setdefault("stride", 1)
kwargs.setdefault("padding", 1)
print(dict(**kwargs, bias=False))
print(dict(kwargs, stride=3))
