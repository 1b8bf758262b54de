class Base:
    kind = "base"

    def __init__(self, name):
        self.name = name
        self.setup()

    def setup(self):
        self.parts = ["base"]

    def describe(self):
        return f"{self.kind}:{self.name}:{self.parts}"


class Child(Base):
    kind = "child"

    def __init__(self, name, extra):
        super().__init__(name)
        self.extra = extra

    def setup(self):
        super().setup()
        self.parts.append("child")

    def describe(self):
        return super(Child, self).describe() + f":{self.extra}"


class Grandchild(Child):
    pass


print(Base("b").describe())
print(Child("c", 1).describe())
print(Grandchild("g", extra=2).describe())
print(Base.describe(Child("u", 3)))
print([k.__name__ for k in Grandchild.__mro__])


class A:
    def hello(self):
        return ["A"]


class B(A):
    def hello(self):
        return ["B"] + super().hello()


class C(A):
    def hello(self):
        return ["C"] + super().hello()


class D(B, C):
    def hello(self):
        return ["D"] + super().hello()


print(D().hello(), [k.__name__ for k in D.__mro__], [k.__name__ for k in D.mro()])


class Mixin:
    def __init__(self, **kwargs):
        self.mixed = kwargs.pop("mixed", None)
        super().__init__(**kwargs)


class Core:
    def __init__(self, core=0):
        self.core = core


class Both(Mixin, Core):
    def __init__(self, **kwargs):
        super(Both, self).__init__(**kwargs)


both = Both(core=1, mixed=2)
print(both.core, both.mixed)
try:
    class Wrong(A, B):
        pass
except TypeError as error:
    print(str(error).split("\n")[0])
try:
    Base()
except TypeError as error:
    print(error)
try:
    D().missing
except AttributeError as error:
    print(error)


class Abstract:
    def forward(self):
        raise NotImplementedError


class Real(Abstract):
    def forward(self):
        return "real"


print(Real().forward())
try:
    Abstract().forward()
except NotImplementedError as error:
    print(repr(error))
