"""Lines of other languages in a spec: AMPL, JuMP, cvxpy, MATLAB, R, SQL, YAML, LaTeX."""
