"""How many acknowledged rows a database lacks: `lost_rows.py PSQL FOLDER` prints the number.

Standard library only. FOLDER holds the database's socket, and in `acknowledged` the number of the
last row that its writer was told is in.
"""

import subprocess
import sys
from pathlib import Path

COUNT = "SELECT count(*) FROM orders WHERE n <= {}"


def main(psql: str, folder: Path) -> int:
    """Print it. Rows of meanwhile do not stand in for those that are lost."""
    acknowledged = int((folder / "acknowledged").read_text())
    count = COUNT.format(acknowledged)
    words = [psql, "-h", str(folder), "-U", "bed", "-d", "postgres", "-XAtc", count]
    asked = subprocess.run(words, check=True, capture_output=True, text=True, timeout=10)
    sys.stdout.write(f"{max(0, acknowledged - int(asked.stdout))}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
