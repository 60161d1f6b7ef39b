"""File names that an interpreter could misread on its command line. Users choose the names of their files."""


def is_ambiguous(name: str) -> bool:
    """
    Whether an interpreter could read the name as an option, standard input, or a command (`node inspect`).
    """
    return name.startswith("-") or "." not in name
