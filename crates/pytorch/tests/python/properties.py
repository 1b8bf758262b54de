class Layer:
    count = 0
    names = []

    def __init__(self, width):
        self._width = width
        Layer.count += 1
        self.names.append(width)

    @property
    def width(self):
        """The width."""
        return self._width

    @width.setter
    def width(self, value):
        if value <= 0:
            raise ValueError("width must be positive")
        self._width = value

    @property
    def double(self):
        return self.width * 2

    @staticmethod
    def helper(a, b=1):
        return a + b

    @classmethod
    def make(cls, *widths):
        return [cls(w) for w in widths]

    @classmethod
    def name(cls):
        return cls.__name__


class Wide(Layer):
    @property
    def double(self):
        return super().double + 1


a = Layer(3)
a.width = 5
print(a.width, a.double, a._width)
try:
    a.width = -1
except ValueError as error:
    print(error)
try:
    a.double = 1
except AttributeError as error:
    print(type(error).__name__)
print(Layer.helper(1), a.helper(1, 2), [type(w).__name__ for w in Wide.make(1, 2)], Wide.name(), a.name())
print(Layer.count, Wide.count, Layer.names, Wide(4).double)
a.count = 99
print(Layer.count, a.count, Layer.__doc__, Layer.width.__doc__)


class Area:
    def __init__(self):
        self.w = 2

    def get(self):
        return self.w

    size = property(get)
    alias = get


print(Area().size, Area().alias())
