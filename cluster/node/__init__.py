"""The bundled node: one real Kubernetes node in a network namespace of its own. Start at `lifecycle`."""
