class Enum:
    def __init_subclass__(cls):
        members = {}
        for name, value in list(cls.__dict__.items()):
            if name.startswith('_') or callable(value) or isinstance(value, (property, staticmethod, classmethod)):
                continue
            if isinstance(value, auto):
                value = len(members) + 1
            member = object.__new__(cls, value)
            member.name = member._name_ = name
            member.value = member._value_ = value
            members[name] = member
            setattr(cls, name, member)
        cls.__members__ = members

    def __new__(cls, value):
        for member in cls.__members__.values():
            if member is value or member.value == value:
                return member
        raise ValueError(f'{value!r} is not a valid {cls.__name__}')

    def __init__(self, *args):
        pass

    def __eq__(self, other):
        return self is other

    def __hash__(self):
        return hash(self.name)

    def __str__(self):
        return f'{self.__class__.__name__}.{self.name}'

    def __repr__(self):
        return f'<{self.__class__.__name__}.{self.name}: {self.value!r}>'


class auto:
    pass


class IntEnum(int, Enum):
    def __eq__(self, other):
        return self.value == (other.value if isinstance(other, Enum) else other)

    def __str__(self):
        return str(self.value)


class StrEnum(str, Enum):
    def __eq__(self, other):
        return self.value == (other.value if isinstance(other, Enum) else other)

    def __str__(self):
        return self.value


Flag = IntFlag = IntEnum


def unique(cls):
    return cls
