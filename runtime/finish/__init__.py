"""After the last step: restoration, the solver at the end, prices, what is delivered."""
