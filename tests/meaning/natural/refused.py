"""Specs with two readings, or none: each must be refused, with a message that has a place."""

from __future__ import annotations

from meaning.natural.kept import refused
from meaning.natural.settings import animals, houses, loans, robot, weather

refused(
    "the_mean_of_all_probabilities",
    animals,
    """
    minimize ce
    s.t. a: E[prob] <= 0.5
""",
)
refused(
    "a_metric_of_all_outputs",
    animals,
    """
    minimize ce
    metric m = E[f(x)]
""",
)
refused(
    "an_event_of_all_outputs",
    animals,
    """
    minimize ce
    s.t. a: P[f(x) > 0] <= 50%
""",
)
refused(
    "the_mean_of_a_target_of_two_numbers",
    robot,
    """
    minimize mse
    metric m = E[y]
""",
)
refused(
    "an_error_of_two_outputs",
    robot,
    """
    minimize E[(f(x) - y)^2]
""",
)
refused(
    "an_index_of_a_target",
    loans,
    """
    minimize bce(f(x), y)
    s.t. a: E[y[0]*f(x)] <= 1
""",
)
refused(
    "an_index_of_a_loss",
    loans,
    """
    minimize E[bce(f(x), y)[0]]
""",
)
refused(
    "an_index_of_a_column",
    loans,
    """
    minimize bce(f(x), y)
    metric m = E[age[0]]
""",
)
refused(
    "an_index_of_a_prediction",
    animals,
    """
    minimize ce
    metric m = E[pred[0]]
""",
)
refused(
    "an_output_that_does_not_exist",
    animals,
    """
    minimize ce
    metric m = E[f(x)[5]]
""",
)
refused(
    "a_probability_that_does_not_exist",
    animals,
    """
    minimize ce
    s.t. a: E[prob[3]] <= 10%
""",
)
refused(
    "a_feature_that_does_not_exist",
    animals,
    """
    minimize ce
    metric m = E[x[5]]
""",
)
refused(
    "a_second_logit_of_one",
    loans,
    """
    minimize bce(f(x), y)
    metric m = E[f(x)[1]]
""",
)
refused(
    "a_class_that_nobody_has_named",
    weather,
    """
    minimize ce
    metric m = E[prob.hail]
""",
)
refused(
    "the_mean_of_words",
    weather,
    """
    minimize ce
    metric m = E[place]
""",
)
refused(
    "arithmetic_of_words",
    weather,
    """
    minimize ce
    metric m = E[2*anna + 1]
""",
)
refused(
    "a_sum_of_two_columns_of_words",
    loans,
    """
    minimize bce(f(x), y)
    metric m = E[sex + race]
""",
)
refused(
    "a_weight_of_words",
    weather,
    """
    minimize place*ce
""",
)
refused(
    "a_number_as_an_event",
    houses,
    """
    minimize mse
    metric m = P[area]
""",
)
refused(
    "a_vector_of_groups_as_a_side",
    loans,
    """
    minimize bce(f(x), y)
    s.t. a: P[pred == 1 | sex] <= 30%
""",
)
refused(
    "a_gap_of_one_number",
    loans,
    """
    minimize bce(f(x), y)
    s.t. a: gap(P[pred == 1]) <= 5%
""",
)
refused(
    "groups_and_a_condition_by_and",
    loans,
    """
    minimize bce(f(x), y)
    s.t. a: gap(P[pred == 1 | sex and y == 1]) <= 5%
""",
)
refused(
    "groups_of_a_column_of_many_numbers",
    houses,
    """
    minimize mse
    s.t. a: gap(E[mse | area]) <= 5
""",
)
refused(
    "each_or_the_mean",
    animals,
    """
    minimize ce
    s.t. a: ce(f(x), y) <= 2
""",
)
refused(
    "verified_together_with_other_data",
    animals,
    """
    minimize ce
    s.t. a: abs(P[pred == 0 on train] - P[pred == 0 on val]) <= 5%
    verify a on val
""",
)
refused(
    "which_model",
    animals,
    """
    model ref = frozen(f)
    minimize E[ce(f(x), y)]
    s.t. a: P[pred == 1] <= 30%
""",
)
refused(
    "which_model_of_a_bare_loss",
    animals,
    """
    model ref = frozen(f)
    minimize ce
""",
)
refused(
    "vectors_of_different_sizes",
    animals,
    """
    minimize ce
    metric m = E[f(x) @ x]
""",
)
refused(
    "costs_of_another_size",
    animals,
    """
    param costs[2] = [1, 2]
    minimize ce
    metric m = E[prob @ costs]
""",
)
refused(
    "an_unknown_column",
    animals,
    """
    minimize ce
    metric m = E[price]
""",
)
refused(
    "a_tail_without_a_tail",
    animals,
    """
    minimize ce
    metric m = cvar(ce, 1)
""",
)
refused(
    "a_chain_in_two_directions",
    animals,
    """
    minimize ce
    s.t. a: 0.2 <= P[pred == 0] >= 0.1
""",
)
refused(
    "equal_and_at_most",
    animals,
    """
    minimize ce
    s.t. a: P[pred == 0] == P[pred == 1] <= 0.5
""",
)
refused(
    "a_rate_of_fifty",
    animals,
    """
    minimize ce
    s.t. a: P[pred == 0] <= 50
""",
)
refused(
    "a_ratio_of_unknown_sign",
    houses,
    """
    minimize mse
    s.t. a: E[y] / E[f(x)] <= 2
""",
)
refused(
    "only_the_frozen_model_is_judged",
    animals,
    """
    model ref = frozen(f)
    minimize E[ce(f(x), y)]
    s.t. a: P[pred(ref(x)) == y] >= 50%
""",
)
refused(
    "a_step_function_without_surrogate",
    houses,
    """
    minimize mse
    s.t. a: E[floor(f(x))] <= 100
""",
)
refused(
    "division_by_zero",
    None,
    """
    var x = 1
    minimize x/0
""",
)
refused(
    "a_param_without_a_value",
    houses,
    """
    param eps
    minimize mse
    s.t. a: P[f(x) > 200] <= eps
""",
)
refused(
    "a_param_outside_its_set",
    houses,
    """
    param eps = 0.5 in [0, 1]
    minimize mse
    s.t. a: P[f(x) > 200] <= eps
""",
    also={"eps": 1.5},
)
