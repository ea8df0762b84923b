"""The words of the language, one record each: functions, sets, and what an expression is."""
