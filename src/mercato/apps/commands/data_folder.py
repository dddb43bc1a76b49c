"""The option that most commands share: which data folder."""

import argparse
from pathlib import Path


def add_data_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--data", type=Path, metavar="DIR", help="the data folder (mercato-data)")
