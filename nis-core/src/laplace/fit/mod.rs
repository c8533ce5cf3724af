//! Rational fits of frequency data.
