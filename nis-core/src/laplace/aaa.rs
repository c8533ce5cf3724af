//! Rational approximation from samples by the AAA algorithm.
