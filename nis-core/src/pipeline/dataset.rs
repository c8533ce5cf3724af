//! Tables of numbers, read from CSV or given as columns.

use serde::{Deserialize, Serialize};

/// A named column of numbers; a missing value is NaN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Name, from the header.
    pub name: String,
    /// One value per row.
    pub values: Vec<f64>,
}

/// A table: numeric columns of equal length, and the names of the columns that hold text.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    /// Where it came from, for example the file's name.
    pub source: String,
    /// Numeric columns, in file order.
    pub columns: Vec<Column>,
    /// Row labels: the first text column, if any.
    pub labels: Option<Vec<String>>,
    /// Names of text columns.
    pub text_columns: Vec<String>,
}
