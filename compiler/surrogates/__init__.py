"""What the model's step sees in place of events and predictions: expressions of the language.

    P[pred == 1]              ->  E[prob[1]]
    P[u > v and y == 1]       ->  E[sigmoid(u - v)*(y == 1)]
    E[abs(pred - y)]          ->  E[prob[0]*abs(0 - y) + prob[1]*abs(1 - y) + ...]
    P[y == 1 | pred == 1]     ->  E[(y == 1)*prob[1]]/E[prob[1]]

A prediction is taken as a random class with the probabilities of the model, an event that moves as
a random truth value whose probability is its soft truth; what holds them becomes its mean.
`explain` prints the result, and typed behind `with surrogate` it means the same.
"""
