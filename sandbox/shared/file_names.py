"""Names of a program's files, which are its author's to choose, on the command line of an interpreter."""


def is_ambiguous(name: str) -> bool:
    """Whether an interpreter could take the name for something else: an option, standard input, or `node inspect`."""
    return name.startswith("-") or "." not in name
