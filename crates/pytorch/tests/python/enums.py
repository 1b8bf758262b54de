from enum import Enum, IntEnum, auto


class Kind(Enum):
    BASIC = "basic"
    WIDE = "wide"

    @property
    def short(self):
        return self.value[0]


print(Kind.BASIC, Kind.BASIC.name, Kind.BASIC.value, Kind("wide"), Kind["WIDE"], Kind.BASIC is Kind("basic"), Kind.BASIC == "basic")
print([k.name for k in Kind], len(Kind), repr(Kind.WIDE), Kind.WIDE.short, isinstance(Kind.WIDE, Kind), {Kind.BASIC: 1}[Kind.BASIC])


class Size(IntEnum):
    SMALL = 1
    LARGE = 2


print(Size.SMALL < Size.LARGE, Size.LARGE + 1, Size(2).name, [int(s) for s in Size], Size.SMALL == 1)


class Auto(Enum):
    A = auto()
    B = auto()


print(Auto.A.value, Auto.B.value, Auto.A != Auto.B)
try:
    Kind("none")
except ValueError as error:
    print(error)
try:
    Kind["none"]
except KeyError as error:
    print("KeyError", error)
