def relu(x): return max(0, x)
def double(x): return 2 * x


def apply(functions, x):
    for f in functions:
        x = f(x)
    return x


print(apply([relu, double, lambda v: v + 1], 3), apply([], 1))
ops = {"relu": relu, "double": double, "id": lambda x: x}
print({k: f(-2) for k, f in ops.items()}, relu.__name__, relu is ops["relu"], relu == double)


class Seq:
    def __init__(self, *fs):
        self.fs = fs

    def __call__(self, x):
        for f in self.fs:
            x = f(x)
        return x


print(Seq(relu, double)(4), Seq(Seq(double), Seq(double, double))(1), Seq(*[double] * 3)(1))


def make_block(kind=Seq, *args, act=relu):
    return kind(*args, act)


print(make_block(Seq, double)(3), make_block(act=double)(3), type(make_block()).__name__)
relu.note = "attribute of a function"
print(relu.note, hasattr(double, "note"))


def tree(n):
    return [tree(n - 1) for _ in range(2)] if n else "leaf"


print(tree(2), list(map(relu, [-1, 2])), sorted([3, -4, 1], key=abs), max(ops, key=len), list(map(str.upper, "ab")), [*map(list, ["ab"])])
method = "x,y".split
print(method(","), [].append, len) if False else print(method(","))
print(any(callable(v) for v in ops.values()), (relu if True else double)(5), [relu, double][1](5))
