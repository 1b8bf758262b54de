def run(x):
    try:
        print("try", x)
        if x == 1:
            raise ValueError("one", 1)
        if x == 2:
            return "returned"
        if x == 3:
            {}["missing"]
        if x == 4:
            1 / 0
    except ValueError as error:
        print("value", error, error.args)
        return "from except"
    except (KeyError, IndexError) as error:
        print("lookup", str(error), repr(error))
    except ArithmeticError as error:
        print("arithmetic", error, type(error).__name__)
    else:
        print("else")
    finally:
        print("finally")
    return "end"


for i in range(5):
    print(run(i))


def overriding():
    try:
        return "try"
    finally:
        return "finally"


print(overriding())
try:
    try:
        raise ValueError("inner")
    except ValueError:
        raise
except Exception as error:
    print("again", error)
try:
    try:
        int("x")
    except ValueError as cause:
        raise RuntimeError("outer") from cause
except RuntimeError as error:
    print(error, "from", repr(error.__cause__))
try:
    raise NotImplementedError
except NotImplementedError as error:
    print(repr(error), str(error) == "", error.args)
try:
    raise ValueError
except ValueError as error:
    print(error.args)
try:
    error
except NameError:
    print("error is gone")
print([type(e).__name__ for e in (KeyError(), IndexError(), OSError(), StopIteration())], issubclass(KeyError, LookupError), issubclass(ZeroDivisionError, ArithmeticError), issubclass(Exception, BaseException), issubclass(FileNotFoundError, OSError))
for i in range(3):
    try:
        if i == 1:
            continue
        print("loop", i)
    finally:
        print("after", i)
try:
    raise Exception("a", 2)
except Exception as e:
    print(e, e.args, repr(e))
try:
    pass
except:
    print("never")
else:
    print("fine")
