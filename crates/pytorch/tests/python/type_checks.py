print(isinstance(1, int), isinstance(True, int), isinstance(1, (str, float)), isinstance("a", (int, (str, list))), isinstance(None, type(None)))
print(isinstance([], list), isinstance((), (list, tuple)), isinstance({}, dict), isinstance(lambda: 0, type(len)), issubclass(bool, int))
print(type(1), type("a"), type([]), type(None), type(int), type(1.5), type(()), type({}), type(set()), type(range(1)))
print(type(1) is int, type(True) == int, type([]) == list, type(1).__name__, [].__class__.__name__, (1).__class__ is int)


class Base:
    pass


class Child(Base):
    pass


c = Child()
print(type(c) is Child, isinstance(c, Base), isinstance(Base(), Child), issubclass(Child, Base), issubclass(Child, (int, Base)))
print(type(c).__name__, c.__class__.__name__, Child.__bases__ == (Base,), Child.__name__, type(Child), Child.__mro__[1].__name__)
print(callable(Child), callable(len), callable(1), callable(c), callable(lambda: 0))
print(type(c), Child, c.__class__.__module__, Child.__qualname__)
print(hasattr(c, "x"), getattr(c, "x", "default"), setattr(c, "x", 5), getattr(c, "x"), c.__dict__, vars(c))
try:
    getattr(c, "missing")
except AttributeError as error:
    print(error)
try:
    isinstance(1, "int")
except TypeError as error:
    print(error)
kinds = {int: "int", str: "str"}
print(kinds[type(3)], kinds[type("s")], int == int, int is not float)
made = type("Made", (Base,), {"value": 3})
print(made().value, made.__name__, isinstance(made(), Base), id(c) == id(c))
print(int(), float(), str() == "", list(), dict(), tuple(), bool())
