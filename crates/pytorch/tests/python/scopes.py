x = "global"
counter = 0


def reads():
    return x


def shadows():
    x = "local"
    return x


def assigns():
    global counter, made
    counter += 1
    made = "made"


def nested():
    x = "enclosing"

    def inner():
        nonlocal x
        x = "changed"
        y = "inner"
        return y

    inner()
    return x


assigns()
assigns()
print(reads(), shadows(), nested(), x, counter, made)
x = "later"
print(reads())
if True:
    block = 1
for loop in range(2):
    inside = loop
print(block, loop, inside)


def order():
    def first():
        return second()

    def second():
        return "second"

    return first()


print(order())


class Scope:
    x = "class"

    def method(self):
        return x


print(Scope().method(), Scope.x)


def parameters(x, len=len):
    x = x + "!"
    return len(x), x


print(parameters("ab"))
max = 5
print(max)
del max
print(max(1, 2))
print("x" in globals(), "x" in locals(), sorted(k for k in (lambda a, b: locals())(1, 2)))
