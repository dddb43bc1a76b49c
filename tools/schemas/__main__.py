"""`python -m tools.schemas`, started in the root of the project: write the generated descriptions."""

from pathlib import Path

from tools.schemas.generated import generated


def main() -> None:
    folder = Path("schemas")
    wanted = generated()
    for path in sorted(folder.rglob("*.json")):
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    print(f"{len(wanted)} descriptions are up to date in {folder}/")


if __name__ == "__main__":
    main()
