"""scikit-learn's own tests of its linear models, with gradline's classes in place of its own, and why some differ.

`python tests/scikit_learns_own.py` runs them and counts. As a plugin of pytest it puts the classes in place before the
tests are read, and expects of those that `REASONS` names that they fail: one that then passes is a failure as well.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

FILES = (
    "base",
    "common",
    "ridge",
    "coordinate_descent",
    "sparse_coordinate_descent",
    "sgd",
    "huber",
    "quantile",
)

# Why a test of scikit-learn's does not hold here, by what its name begins with.
_ONE_WAY = "whatever solver is named, the answer is exact, and the name of what ran is gradline's"
_ALL_SERVED = "what one of scikit-learn's solvers cannot do is served, and not refused"
_NO_LIMIT = "no limit of iterations stops an answer that is found in one call, so that nothing warns of one"
_OWN_SUMS = (
    "the sums are gradline's own: a Gram matrix that comes along is not used, so nothing warns of a wrong one"
)
_UNTOUCHED = "X is never written to, which copy_X=False allows and this test demands"
_ONE_CALL = "sweeps are counted by no one: the answer comes in one call"
_PRIVATE = "it looks into scikit-learn's private attributes"
_SPARSE_LEVEL = "sparse rows move the intercept as dense ones do: scikit-learn's by a hundredth of that"
REASONS = {
    "test_raises_value_error_if_positive_and_sparse": _ALL_SERVED,
    "test_inplace_data_preprocessing[42-True-None]": _UNTOUCHED,
    "test_inplace_data_preprocessing[42-False-None]": _UNTOUCHED,
    "test_ridge_regression[": _ONE_WAY,
    "test_n_iter": _ONE_CALL,
    "test_array_api_error_and_warnings_for_solver_parameter[torch]": _ALL_SERVED,
    "test_ridge_fit_intercept_sparse_error[": _ALL_SERVED,
    "test_ridge_fit_intercept_sparse_sag[": _NO_LIMIT,
    "test_ridge_positive_error_test[": _ALL_SERVED,
    "test_lbfgs_solver_error": _NO_LIMIT,
    "test_enet_nonfinite_params": "it is refused before any iteration, with the column and what to do",
    "test_lasso_dual_gap": "the bound is one of exact sums, some 1e-30, where that of the test is rounding",
    "test_lasso_alpha_warning": "without a penalty the answer is exact as well, and nothing warns of it",
    "test_elasticnet_precompute_incorrect_gram": _OWN_SUMS,
    "test_overridden_gram_matrix": _OWN_SUMS,
    "test_warm_start_convergence[": _ONE_CALL,
    "test_warm_start_convergence_with_regularizer_decrement": _ONE_CALL,
    "test_check_input_false": "rows in the order of C are no error: X is looked at whatever check_input says",
    "test_enet_copy_X_False_check_input_False": _UNTOUCHED,
    "test_enet_coordinate_descent_raises_convergence[Lasso": _NO_LIMIT,
    "test_sparse_enet_coordinate_descent[": _NO_LIMIT,
    "test_sparse_input_convergence_warning[csr_matrix-ElasticNetCV]": _NO_LIMIT,
    "test_sparse_input_convergence_warning[csr_matrix-LassoCV]": _NO_LIMIT,
    "test_sparse_input_convergence_warning[csr_array-ElasticNetCV]": _NO_LIMIT,
    "test_sparse_input_convergence_warning[csr_array-LassoCV]": _NO_LIMIT,
    **{
        f"test_sparse_input_convergence_warning[{kind}-MultiTask{name}CV]": _NO_LIMIT
        for kind in ("csr_matrix", "csr_array")
        for name in ("Lasso", "ElasticNet")
    },
    "test_multi_task_lasso_and_enet": _NO_LIMIT,
    "test_lassoCV_does_not_set_precompute[": _OWN_SUMS,
    "test_plain_has_no_average_attr[*SGDRegressor]": _PRIVATE,
    "test_loss_function_epsilon[*SGDRegressor]": _PRIVATE,
    "test_late_onset_averaging_reached[SparseSGDRegressor]": _SPARSE_LEVEL,
    "test_sgd_averaged_computed_correctly[SparseSGDRegressor]": _SPARSE_LEVEL,
    "test_sgd_averaged_partial_fit[SparseSGDRegressor]": _SPARSE_LEVEL,
    "test_average_sparse[SparseSGDRegressor]": _SPARSE_LEVEL,
    "test_power_t_limits[*SGDRegressor]": "a rate that grows with every step is refused, of which scikit-learn warns",
    "test_sparse_dense_descent_paths[csr*-2-": "several targets at once share their zeros there, and are refused",
    "test_path_function_deprecated_n_alphas[": "the words of a deprecation are those of scikit-learn's version",
    "test_huber_warm_start": _ONE_CALL,
    "test_error_interior_point_future": _ALL_SERVED,
}


def pytest_configure() -> None:
    """Put gradline's classes where scikit-learn's tests look for its own."""
    import sklearn.linear_model

    import gradline.linear_model

    for name in gradline.linear_model.__all__:
        if hasattr(sklearn.linear_model, name):
            setattr(sklearn.linear_model, name, getattr(gradline.linear_model, name))


def pytest_collection_modifyitems(items: list) -> None:
    """Expect a failure of what has a reason for it."""
    import pytest

    for item in items:
        reason = next((why for name, why in REASONS.items() if _begins(item.name, name)), None)
        if reason:
            item.add_marker(pytest.mark.xfail(reason=reason, strict=True))


def _begins(item: str, name: str) -> bool:
    """Whether a test is called so, where * stands for anything and an open bracket for what comes after it."""
    pattern = re.escape(name).replace(r"\*", ".*") + (".*" if "[" in name and name[-1] != "]" else "")
    return re.fullmatch(pattern, item) is not None


def outcome(file: str, *options: str) -> tuple[str, dict[str, int]]:
    """What pytest says of one of scikit-learn's files, and how many of its tests passed, failed, …"""
    places = [Path(__file__).parent, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    known = os.environ | {"PYTHONPATH": os.pathsep.join(os.path.realpath(place) for place in places)}
    words = [
        "-p",
        "scikit_learns_own",
        "-p",
        "no:cacheprovider",
        "-q",
        "-W",
        "ignore",
        "--tb=short",
        *options,
    ]
    with tempfile.TemporaryDirectory() as elsewhere:  # where no settings of this project's tests lie
        run = subprocess.run(
            [sys.executable, "-m", "pytest", *words, "--pyargs", f"sklearn.linear_model.tests.test_{file}"],
            cwd=elsewhere,
            env=known | {"OMP_NUM_THREADS": "1", "SCIPY_ARRAY_API": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
    counts = re.findall(
        r"(\d+) (passed|failed|skipped|xfailed|xpassed|errors?)\b", run.stdout.splitlines()[-1]
    )
    return run.stdout, {what: int(count) for count, what in counts}


if __name__ == "__main__":
    all_of, ours = 0, 0
    for name in FILES:
        text, counts = outcome(name, "-rfx")
        reasoned = sum(
            line.startswith("XFAIL") and line.endswith(tuple(REASONS.values())) for line in text.splitlines()
        )
        all_of, ours = all_of + counts.get("passed", 0) + reasoned, ours + reasoned
        print(f"test_{name}: " + ", ".join(f"{count:,} {what}" for what, count in counts.items()))
        print("\n".join(line for line in text.splitlines() if line.startswith("FAILED")))
    print(f"{ours:,} of {all_of:,} differ, each with a reason")
