# A network will come here.
