"""make test: two halves of the tests side by side, since most of them wait for processes.

Each half is a pytest of its own, with a stack of its own; what it printed comes when it ends.
"""

from __future__ import annotations

import subprocess
import sys
import threading

PROCESSES = ("tests/integration", "tests/faults")
"""The half that starts workers and kills them; the other half is all the rest."""
HALVES = (PROCESSES, ("tests", *(f"--ignore={folder}" for folder in PROCESSES)))


def run(half: tuple[str, ...], codes: list[int]) -> None:
    """Run one half, print what it said, and keep its exit code."""
    command = [sys.executable, "-m", "pytest", *half]
    ended = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    sys.stdout.write(f"{' '.join(command[1:])}\n{ended.stdout}\n")
    sys.stdout.flush()
    codes.append(ended.returncode)


def main() -> int:
    """Run both halves; 0 where both pass."""
    codes: list[int] = []
    threads = [threading.Thread(target=run, args=(half, codes)) for half in HALVES]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return max(codes)


if __name__ == "__main__":
    sys.exit(main())
