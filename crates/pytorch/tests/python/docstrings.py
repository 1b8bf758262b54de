"""A module's docstring,
of two lines."""


def documented(x):
    """One line."""
    "a stray string"
    return x


def bare():
    ...


class Doc:
    '''A class's
    docstring.'''

    def method(self):
        r"""Raw \d."""


print(documented.__doc__, bare.__doc__, repr(Doc.__doc__), Doc.method.__doc__, repr(__doc__), bare())
# a comment
x = 1  # another
if x:
    # only a comment before
    pass
total = (1 +  # inside
         2)
print(total); print("same line"); y = 2
if y == 2: print("one-line if")
for i in range(2): print(i, end=" ")
print()
value = 1 + \
    2
print(value)
