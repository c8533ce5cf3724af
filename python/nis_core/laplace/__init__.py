"""The Laplace engine: forward and inverse transforms, modes, fits, systems and compression."""

from nis_core.laplace._inverse import Inversion, invert

__all__ = ["Inversion", "invert"]
