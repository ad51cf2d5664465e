"""Run an answer on cases, whatever it does, and compare what it returned: values, gradients, devices, side effects."""
