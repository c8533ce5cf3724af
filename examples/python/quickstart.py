"""NIS from Python: ask a question, analyze a record, print the dominant period.

pip install .
python examples/python/quickstart.py examples/data/sunspots.csv
"""

import sys

import nis_core


def main(path: str) -> None:
    nis = nis_core.Nis()
    reply = nis.chat("What is 2+2?")
    print(f"{reply.provider}: {reply.response}")

    report = nis_core.analyze(path)
    mode = report.modes[0].modes.modes[0]
    print(f"dominant period: {mode.period:.2f} +- {mode.period_se:.2f}")
    for finding in report.findings:
        print("-", finding)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "examples/data/sunspots.csv")
