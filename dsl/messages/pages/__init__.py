"""The page of each code: `cspec explain CS401`."""
