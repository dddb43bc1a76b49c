"""`python -m tools.edge`, started in the root of the project: write the example configurations of proxies."""

from pathlib import Path

from tools.edge.generated import generated


def main() -> None:
    folder = Path("deploy/edge")
    wanted = generated()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        if path.relative_to(folder).as_posix() not in wanted:
            path.unlink()
    for name, text in wanted.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    print(f"{len(wanted)} configurations are up to date in {folder}/")


if __name__ == "__main__":
    main()
