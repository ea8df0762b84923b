"""The pages of what can happen while training runs, `CS601` to `CS699`, and of bugs."""

from cspec.dsl.messages.pages.page import pages

_PAGES: dict[int, tuple[str, ...]] = {
    601: (
        "suspected infeasible",
        "The multiplier of a constraint kept growing while its violation did not shrink. The"
        " message names the constraints; `cspec relax` finds the smallest change of their"
        " bounds that can be met.",
    ),
    602: (
        "numbers are no longer finite",
        "A loss, constraint or gradient became infinite or not a number, again and again after"
        " the steps were undone. Lower the step size, clip the gradient norm, or check the"
        " data named.",
    ),
    603: (
        "interrupted",
        "The run was stopped from outside. What was trained is written, and `cspec resume`"
        " continues to the same bits.",
    ),
    606: (
        "a metric could not be measured",
        "The run is over and its result stands: this metric is NaN, the others are recorded. The"
        " note says what was raised, and in whose code.",
    ),
    607: (
        "a part of a result is missing",
        "Training is over and its result stands. Something behind it failed: data that could not be"
        " measured, a diagnosis, a file that could not be written. The note names it; the rest is"
        " told and written.",
    ),
    610: (
        "a constraint can't be computed",
        "The generated program failed at the constraint named, mostly because shapes or kinds"
        " of the model's outputs do not fit.",
    ),
    620: (
        "the run folder can't be written",
        "Name another folder with `--out`. A folder that is used again loses the files that its"
        " `manifest.json` lists, and nothing else: where something else is in the way, it is"
        " named.",
    ),
    621: ("no run in this folder", "The folder has no files that a run has written."),
    622: (
        "no usable checkpoint",
        "Every checkpoint of the folder is damaged or of another version; the notes say which.",
    ),
    623: (
        "the files of a run are damaged",
        "A file of the run folder can't be read back. The reason is in the message.",
    ),
    624: (
        "no parameters to verify",
        "The run has not written its parameters yet; `cspec resume` finishes it first.",
    ),
    625: (
        "a run that is not as it was recorded",
        "`manifest.json` holds digests of the files of a run, of its data and of its code, with"
        " the versions that it ran with. What is another now is named. `cspec resume` goes on with"
        " it under `--accept-changes`, and the report says so.",
    ),
    626: (
        "a checkpoint that does not fit",
        "The state in the checkpoint has other names or shapes than the program that the spec"
        " compiles to now: it was changed by more than a run can go on with.",
    ),
    627: (
        "code inside a run folder",
        "A run folder is evidence that people hand on, and nothing in it is run. Code that a spec"
        " brings in lies beside the spec; `--base` says where.",
    ),
    628: (
        "an object of Python that has to be given again",
        "The run was started from Python with data or a model that no file names. `cspec.verify`"
        " and `cspec.resume` take them again by their names, and compare their digests.",
    ),
    629: (
        "a folder in use",
        "Another process trains in this folder. Two runs in one folder would mix their logs and"
        " take each other's checkpoints, so the second is refused. What a killed process leaves"
        " behind is free at once.",
    ),
    630: (
        "a state of another spec",
        "`load_state_dict` was given the state of another spec, or of other data and models.",
    ),
    631: (
        "values that `loss` needs",
        "`p.loss(...)` and `p.step(...)` take the columns and given values of the spec by name.",
    ),
    632: (
        "not available in your own loop",
        "The method owns the whole step, or acts between steps in a way that a loop of your own"
        " does not allow. `cspec.run` can do it.",
    ),
    633: (
        "groups that nobody names",
        "A requirement by group, on the values of a column, or on a class by its name needs to know"
        " which values there are. In a loop of your own batches come one by one: give the training"
        " data to `bind`, or the values by `groups=`.",
    ),
    634: (
        "an optimizer of something else",
        "`bind` was given an optimizer that holds no parameter of what the spec moves, so nothing"
        " would be trained.",
    ),
    635: (
        "values that only a loop of your own computes",
        "A spec with `given` values is run by `cspec.bind` inside the loop that computes them;"
        " `cspec run` has nothing to compute them from.",
    ),
    636: (
        "rows that have certified already",
        "A certificate at 95% is wrong with probability at most 5%, if its rows are looked at once."
        " Who looks, changes the spec and looks again has two chances, so the errors of all looks"
        " are added. A run's manifest has its looks on record; a later run beside it, on the same"
        " rows, gets what is left of its own error, and is refused before training where nothing"
        " is.",
    ),
    640: ("a file can't be written", "The path, and the reason that the system gave."),
    641: ("no such device", "The device named is not known to this machine."),
    900: (
        "a bug in cspec",
        "Something that should never happen did. Please report the spec and the text"
        " of the message.",
    ),
}

RUN_CODES = pages(_PAGES)
