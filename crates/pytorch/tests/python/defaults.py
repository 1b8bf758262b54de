"""Defaults are evaluated once, where the function is defined."""


def grow(item, into=[]):
    into.append(item)
    return into


print(grow(1), grow(2), grow(3, []), grow(4))

size = 3


def area(width=size, height=size * 2):
    return width * height


size = 100
print(area(), area(5), area(height=1), area(2, 2), area(height=3, width=4))


def safe(item, into=None):
    into = [] if into is None else into
    into.append(item)
    return into


print(safe(1), safe(2))
print(area.__defaults__, area.__name__)


class Block:
    expansion = 4

    def width(self, planes=expansion):
        return planes * self.expansion


Block.expansion = 2
print(Block().width())
