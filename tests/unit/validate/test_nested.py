"""Nested validation: who trains and who is tested, and that a held-out patient reaches no coefficient of its fold."""

import numpy as np
import pandas as pd
import pytest

from slopewise.outcome.cox import fit_cox
from slopewise.outcome.fit import fit_ladder, fit_outcome, with_choices
from slopewise.outcome.ladder import LADDER, ladder_data
from slopewise.run.errors import InputError
from slopewise.tables import files as tables
from slopewise.validate.nested import nested, outer_folds
from tests.unit.outcome.ladder_tables import STUDY, simulate


@pytest.fixture(scope="module")
def made():
    return simulate()


@pytest.fixture(scope="module")
def result(made):
    return nested(*made.validation)


def models(made):
    data = ladder_data(made.study, made.patients, made.slopes)
    return {(o.repeat, o.held_out): o for o in outer_folds(data, made.folds, made.crossfit, made.fits)}


def bits(outer):
    """All that was learned without the held-out fold."""
    learned = [outer.fitted.estimate_unit, outer.fitted.se_unit]
    for model in outer.fitted.models.values():
        learned += [model.recipe.fill, model.recipe.scale, model.cox.beta, model.cox.baseline.ravel()]
    return np.concatenate(learned)


def test_every_patient_is_predicted_once_a_repeat_in_the_fold_that_held_it_out(made, result):
    table = tables.check(result.predictions, "outcome/predictions")
    assert len(table) == 120 * 8 * 2 * 2
    outer = made.folds[(made.folds["scheme"] == "validation") & (made.folds["held_out"] == 0)]
    merged = table.merge(outer, on=["patient", "repeat"], suffixes=("", "_table"))
    assert len(merged) == len(table) and (merged["fold"] == merged["fold_table"]).all()
    assert table["risk"].between(0, 1).all()
    wide = table.pivot(index=["patient", "predictors", "repeat"], columns="horizon", values="risk")
    assert (wide[1.0] <= wide[2.0]).all()


def test_a_fold_is_the_cox_model_of_its_training_patients_inner_scores(made, result):
    own = made.crossfit.query("scheme == 'validation' and repeat == 2 and held_out == 3")
    train = own[own["fold"] > 0].pivot(index="patient", columns="marker", values=["level", "slope"])
    test = own[own["fold"] == 0].pivot(index="patient", columns="marker", values=["level", "slope"])
    people = made.patients.set_index("patient").assign(male=lambda d: (d["sex"] == "m").astype(float))

    def design(scores):
        parts = [scores[quantity][marker] for marker in ("alpha", "beta") for quantity in ("level", "slope")]
        return np.column_stack([people.loc[scores.index, ["age", "male"]], *parts])

    rows = people.loc[train.index]
    model = fit_cox(design(train), rows["followup"], rows["event"], horizons=(1.0, 2.0))
    found = result.predictions.query("predictors == 'slope' and repeat == 2 and fold == 3")
    risk = found.pivot(index="patient", columns="horizon", values="risk").loc[test.index]
    assert len(risk) == 30
    assert risk.to_numpy() == pytest.approx(model.risk(design(test)), abs=1e-9)


def test_a_held_out_patient_moves_no_bit_of_what_its_fold_learned(made):
    outer = made.folds[(made.folds["scheme"] == "validation") & (made.folds["held_out"] == 0)]
    who = "p17"
    held = outer[outer["patient"] == who].set_index("repeat")["fold"].to_dict()
    patients, slopes, crossfit = made.patients.copy(), made.slopes.copy(), made.crossfit.copy()
    place = patients.index[patients["patient"] == who][0]
    patients.loc[place, "followup"] = 1.2345
    patients.loc[place, "event"] = 1 - patients.loc[place, "event"]
    patients.loc[place, "age"] = 99.0
    facts = ["first", "last", "delta", "slope_ols", "level", "slope"]
    slopes.loc[slopes["patient"] == who, facts] = 50.0
    tested = (crossfit["patient"] == who) & (crossfit["scheme"] == "validation") & (crossfit["fold"] == 0)
    crossfit.loc[tested, ["level", "slope"]] = -50.0
    before, after = models(made), models(made.change(patients=patients, slopes=slopes, crossfit=crossfit))
    for key in before:
        same = np.array_equal(bits(before[key]), bits(after[key]), equal_nan=True)
        assert same == (held[key[0]] == key[1]), key


def test_only_inner_scores_train_and_only_outer_scores_test(made, result):
    inner = (made.crossfit["scheme"] == "validation") & (made.crossfit["fold"] > 0)
    for rows, moves_model in ((inner, True), (~inner, False)):
        crossfit = made.crossfit.copy()
        rng = np.random.default_rng(1)
        crossfit.loc[rows, "slope"] += rng.normal(size=int(rows.sum()))
        changed = made.change(crossfit=crossfit)
        before, after = models(made), models(changed)
        assert all(np.array_equal(bits(before[k]), bits(after[k]), equal_nan=True) != moves_model for k in before)
        risks = nested(*changed.validation).predictions
        moved = ~np.isclose(risks["risk"], result.predictions["risk"], rtol=1e-12, atol=0)
        assert set(risks["predictors"][moved]) == {"slope", "slope_only"}


def test_published_level_and_slope_are_not_read(made, result):
    slopes = made.slopes.assign(level=1e9, slope=-1e9)
    other = nested(*made.change(slopes=slopes).validation)
    pd.testing.assert_frame_equal(other.predictions, result.predictions, check_exact=True)


def test_the_gate_is_asked_in_every_fold_and_told(made):
    fits = made.fits.copy()
    own = (fits["scheme"] == "validation") & (fits["fold"] == 0) & (fits["marker"] == "beta")
    fits.loc[own & (fits["repeat"] == 1) & (fits["held_out"] == 2), "singular"] = True
    fits.loc[own & (fits["repeat"] == 2) & (fits["held_out"] == 4), "structure"] = "intercept"
    fits.loc[(fits["fold"] > 0), "singular"] = True  # inner fits have no say
    ledger = tables.check(nested(*made.change(fits=fits).validation).ledger, "outcome/ledger")
    assert ledger[["predictors", "repeat", "held_out", "marker"]].to_numpy().tolist() == [
        ["slope", 1, 2, "beta"],
        ["slope", 2, 4, "beta"],
        ["slope_only", 2, 4, "beta"],
    ]


def test_slopes_that_tell_only_the_inner_fold_are_left_out(made):
    crossfit = made.crossfit.copy()
    own = (crossfit["marker"] == "alpha") & (crossfit["scheme"] == "validation")
    crossfit.loc[own, "slope"] = 0.1 * crossfit.loc[own, "fold"]
    ledger = nested(*made.change(crossfit=crossfit).validation).ledger
    assert set(ledger["predictors"]) == {"slope", "slope_only"} and set(ledger["marker"]) == {"alpha"}
    assert len(ledger) == 2 * 4 * 2


def test_row_order_moves_no_byte(made, result):
    shuffled = [frame.sample(frac=1, random_state=3) for frame in made.validation[1:]]
    other = nested(made.study, *shuffled)
    pd.testing.assert_frame_equal(other.predictions, result.predictions, check_exact=True)
    pd.testing.assert_frame_equal(other.ledger, result.ledger)


def test_renaming_patients_in_text_order_moves_no_number(made, result):
    order = {name: f"q{place:04d}" for place, name in enumerate(sorted(made.patients["patient"]))}
    renamed = [frame.assign(patient=frame["patient"].map(order)) if "patient" in frame else frame
               for frame in made.validation[1:]]  # fmt: skip
    other = nested(made.study, *renamed).predictions
    columns = ["linear_predictor", "risk", "fold"]
    assert np.array_equal(other[columns], result.predictions[columns])


def test_tables_that_do_not_belong_together_are_refused(made):
    folds = made.folds.copy()
    outer = (folds["scheme"] == "validation") & (folds["held_out"] == 0) & (folds["patient"] == "p3")
    folds.loc[outer, "fold"] = folds.loc[outer, "fold"] % 4 + 1
    with pytest.raises(ValueError, match="disagree about who is held out in repeat 1"):
        nested(*made.change(folds=folds).validation)
    with pytest.raises(ValueError, match="do not hold the same patients"):
        nested(*made.change(folds=made.folds[made.folds["patient"] != "p3"]).validation)
    gone = made.crossfit[~((made.crossfit["repeat"] == 2) & (made.crossfit["held_out"] == 4))]
    with pytest.raises(ValueError, match="no fits of repeat 2, held-out fold 4"):
        nested(*made.change(crossfit=gone).validation)


def test_a_horizon_that_a_fold_does_not_support_is_refused(made):
    end = made.patients["followup"].nlargest(2).to_numpy()
    text = STUDY.replace("horizons: [1, 2]", f"horizons: [1, {end.mean():.4f}]")
    with pytest.raises(InputError, match=r"the largest supported one is 1"):
        nested(*simulate(text=text).validation)


def test_a_marker_that_stage_one_gave_up_leaves_the_other_steps_whole(made):
    crossfit, fits = made.crossfit.copy(), made.fits.copy()
    crossfit.loc[crossfit["marker"] == "beta", ["level", "slope"]] = np.nan
    fits.loc[fits["marker"] == "beta", "structure"] = "excluded"
    found = nested(*made.change(crossfit=crossfit, fits=fits).validation)
    assert np.isfinite(found.predictions["risk"]).all()
    told = found.ledger[found.ledger["marker"] == "beta"]
    assert told.empty  # decided on the cohort, and in the ledger of the shipped model
    shipped = fit_outcome(*made.change(crossfit=crossfit, fits=fits).outcome).ledger
    assert {"level", "slope", "slope_only"} <= set(shipped.loc[shipped["marker"] == "beta", "predictors"])


def test_a_slope_that_the_cohort_leaves_out_is_in_no_training_set(made):
    whole = (made.fits["scheme"] == "crossfit") & (made.fits["repeat"] == 0)
    fits = made.fits.assign(singular=whole & (made.fits["marker"] == "beta"))
    changed = made.change(fits=fits)  # singular on everybody, and in none of the training sets
    data = with_choices(ladder_data(*changed.outcome[:3]), changed.crossfit, changed.fits)
    for outer in outer_folds(data, changed.folds, changed.crossfit, changed.fits):
        assert "beta.slope" not in outer.fitted.models["slope"].recipe.terms
        assert "beta.slope" in outer.fitted.models["slope_only"].recipe.terms
    assert nested(*changed.validation).ledger.empty
    assert "rank one" in " ".join(fit_outcome(*changed.outcome).ledger["message"])


def test_a_slope_that_only_a_training_set_cannot_estimate_is_in_the_ledger(made):
    place = (made.fits["scheme"] == "validation") & (made.fits["repeat"] == 1) & (made.fits["held_out"] == 2)
    found = nested(*made.change(fits=made.fits.assign(singular=place & (made.fits["marker"] == "beta"))).validation)
    assert found.ledger[["predictors", "repeat", "held_out", "marker"]].to_numpy().tolist() == [["slope", 1, 2, "beta"]]


@pytest.mark.parametrize(("correlation", "kept"), [(0.995, True), (0.9999, False)])
def test_a_threshold_that_only_a_training_set_crosses_does_not_change_the_model(made, correlation, kept):
    own = (made.crossfit["scheme"] == "validation") & (made.crossfit["marker"] == "beta")
    level, noise = made.crossfit["level"], made.crossfit["slope"]
    slope = (correlation * level + np.sqrt(1 - correlation**2) * noise).where(own, noise)
    changed = made.change(crossfit=made.crossfit.assign(slope=slope))
    data = with_choices(ladder_data(*changed.outcome[:3]), changed.crossfit, changed.fits)
    for outer in outer_folds(data, changed.folds, changed.crossfit, changed.fits):
        assert ("beta.slope" in outer.fitted.models["slope"].recipe.terms) == kept


def test_training_means_fill_a_missing_value_of_a_test_patient(made):
    data = ladder_data(made.study, made.patients, made.slopes)
    level, slope = np.zeros((2, len(data.patients), 2))
    counts = np.ones(len(data.patients), dtype=np.int64)
    counts[:40] = 0
    model = fit_ladder(data, level, slope, np.zeros(2, dtype=bool), counts=counts).models["delta"]
    delta = data.facts[40:, 0, 2]
    assert model.recipe.fill[model.recipe.terms.index("alpha.delta")] == pytest.approx(np.nanmean(delta), rel=1e-12)
    raw = data.raw(LADDER[3], np.arange(2), level, slope)
    raw[0, 3], raw[1] = np.nan, raw[0]
    raw[1, 3] = np.nanmean(delta)
    risk = model.risk(raw)
    assert risk[0] == pytest.approx(risk[1], rel=1e-12)


def test_a_centre_that_holds_all_events_cannot_be_left_out():
    study, patients, slopes, crossfit, fits = simulate().outcome
    data = ladder_data(study, patients, slopes)
    fold = np.where(data.event == 1, 1, 2)
    folds = pd.DataFrame({"scheme": "centre", "repeat": 1, "held_out": 0, "patient": data.patients, "fold": fold})
    with pytest.raises(InputError, match=r"data\.centre: with one centre left out, .* Or leave data\.centre out"):
        list(outer_folds(data, folds, crossfit, fits, scheme="centre"))
