"""What the scripts here declare; nothing calls it."""


def note(line: str) -> str:
    return line


def plain(line: str) -> str:
    return line
