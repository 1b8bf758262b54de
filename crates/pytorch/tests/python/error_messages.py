"""What CPython says of everyday mistakes."""


class Net:
    def __init__(self, depth):
        self.depth = depth

    def forward(x):
        return x


def f(a, b, c=3, *, d):
    return a


def undefined():
    return nothing_here


def text_index():
    return "abc"["a"]


tries = [
    undefined, text_index,
    lambda: f(), lambda: f(1, d=2), lambda: f(1, 2, 3, 4, d=5), lambda: f(1, 2), lambda: f(1, 2, d=3, a=1), lambda: f(1, 2, d=1, e=3),
    lambda: Net(), lambda: Net(1, 2), lambda: Net(1).forward(2), lambda: Net(1).width, lambda: Net.depth, lambda: Net(depht=1),
    lambda: None.forward, lambda: None(), lambda: (1)(2), lambda: [1](0), lambda: "a"(), lambda: None[0], lambda: (1)[0],
    lambda: [1, 2][2], lambda: {"a": 1}["b"], lambda: [1]["a"], lambda: {}.x, lambda: (1).x, lambda: [].push(1),
    lambda: 1 + None, lambda: "a" + 1, lambda: [1] + 1, lambda: "a" * "b", lambda: "a" - "b", lambda: 5 % "a", lambda: "%d" % "a",
    lambda: [] < 1, lambda: not_defined, lambda: len(3), lambda: len(), lambda: int("3.5"), lambda: int(None), lambda: range(2.0),
    lambda: [0] * 1.5, lambda: iter(3), lambda: print(1, foo=2), lambda: max(), lambda: round("a"), lambda: abs("a"), lambda: sum(3),
    lambda: f(*1), lambda: f(**1), lambda: dict([1]), lambda: "a".join(3), lambda: isinstance(1, 1), lambda: setattr(1, "a", 2),
]
for number, attempt in enumerate(tries):
    try:
        print(number, "no error", attempt())
    except Exception as error:
        print(number, type(error).__name__ + ":", error)
