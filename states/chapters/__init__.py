"""The chapters of the policy: each has the inputs, requirements, effects and rows of its events."""
