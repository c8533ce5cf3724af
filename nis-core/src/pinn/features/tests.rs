//! Solutions against golden values and closed forms.
