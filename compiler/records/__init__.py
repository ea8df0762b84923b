"""What the stages hand on: problem, facts of binding, lowered problem, graph, program."""
