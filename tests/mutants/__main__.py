"""`python -m tests.mutants [NAME…]`: try every mutant, or those named; fail if one is not caught."""

import sys
from pathlib import Path

from tests.mutants import patches, trees, trial
from tests.mutants.trial import Trial

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent.parent
TAIL = 1500


def main(names: list[str], folder: Path = FOLDER, root: Path = ROOT) -> int:
    """Return 0 if there are mutants and all are caught."""
    try:
        mutants = [mutant for mutant in patches.read_all(folder) if not names or mutant.name in names]
    except patches.PatchError as error:
        sys.stderr.write(f"mutants: {error}\n")
        return 2
    if not mutants:
        sys.stderr.write(f"mutants: no patch of that name in {folder}\n")
        return 2
    with trees.copied(root) as tree:
        trials = [_tried(trial.run(mutant, tree)) for mutant in mutants]
    survived = [each.mutant.name for each in trials if not each.caught]
    sys.stdout.write(f"{len(trials) - len(survived)} of {len(trials)} mutants caught\n")
    return 1 if survived else 0


def _tried(done: Trial) -> Trial:
    sys.stdout.write(f"{done.mutant.name:<32} {done.result:<18} {done.seconds:5.1f} s  {done.mutant.guards}\n")
    if not done.caught:
        sys.stdout.write(f"    {done.mutant.test}\n{done.details[-TAIL:]}\n")
    sys.stdout.flush()
    return done


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
