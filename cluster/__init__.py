"""The bundled cluster: a real Kubernetes node, or only its control plane, on one Linux machine.

Everything in this package runs on a bare Python (standard library only), because it comes before the project's own
environment. Start at `__main__` for the commands, at `control_plane` for tests, at `target` for code that should
work on any cluster.
"""
