//! The Python face of NIS.
