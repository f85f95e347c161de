"""How people are told. Knows neither the law in `states` nor the engine in `workflow`."""
