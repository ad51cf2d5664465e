"""Write what `check` says of every combination of lines in the exercises of the book's pages (make lines).

Usage: python tools/lines.py [--all] [CHAPTER ...]     such as 04; only exercises that have changed, unless --all
"""

import argparse
import json

from lecture21.course.exercises.page import lines
from lecture21.course.exercises.registry import chapters, exercises_of


def text_of(exercises: dict[str, dict]) -> str:
    """Return the content of a file: one line for each part of an exercise, so that changes are seen in a diff."""
    parts = []
    for number, stored in exercises.items():
        rows = [f"    {json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}" for name, value in stored.items()]
        parts.append(f'  "{number}": {{\n' + ",\n".join(rows) + "\n  }")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def update(chapter: str, everything: bool = False) -> list[str]:
    """Write the file of one chapter again, and return the numbers of the exercises that were computed."""
    before, after, computed = lines.load(chapter), {}, []
    for exercise in exercises_of(chapter):
        old = before.get(exercise.number)
        if everything or old is None or old["made_from"] != lines.fingerprint(exercise):
            old = lines.stored(exercise)
            computed.append(exercise.number)
        after[exercise.number] = old
    path = lines.path_of(chapter)
    if not path.is_file() or path.read_text(encoding="utf-8") != text_of(after):
        path.write_text(text_of(after), encoding="utf-8")
    return computed


def main() -> None:
    """Update the chapters that are named, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("chapters", nargs="*", metavar="CHAPTER", help="such as 04; all if there is none")
    parser.add_argument("--all", action="store_true", help="compute all again, not only what has changed")
    options = parser.parse_args()
    if unknown := set(options.chapters) - set(chapters()):
        parser.error(f"no chapter {', '.join(sorted(unknown))}; those with exercises are {', '.join(chapters())}")
    for chapter in options.chapters or chapters():
        computed = update(chapter, options.all)
        print(f"{chapter}: {', '.join(computed) or 'nothing'} computed")


if __name__ == "__main__":
    main()
