class Managed:
    def __init__(self, name, swallow=False):
        self.name, self.swallow = name, swallow

    def __enter__(self):
        print("enter", self.name)
        return self

    def __exit__(self, kind, value, traceback):
        print("exit", self.name, kind.__name__ if kind else None, value)
        return self.swallow


with Managed("a") as m:
    print("body", m.name)
with Managed("b"), Managed("c") as c:
    print("two", c.name)
with Managed("swallows", swallow=True):
    raise ValueError("gone")
try:
    with Managed("passes"):
        raise KeyError("k")
except KeyError as error:
    print("caught", error)


def early():
    with Managed("r"):
        return "returned"


print(early())
for i in range(2):
    with Managed(i):
        if i == 0:
            continue
        break
from contextlib import contextmanager


@contextmanager
def opened(name):
    print("open", name)
    try:
        yield name.upper()
    finally:
        print("close", name)


with opened("f") as f:
    print(f)
