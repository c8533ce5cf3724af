//! Tables of numbers, read from CSV or given as columns.

use std::collections::HashSet;
use std::io::Read;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// Most cells (rows times columns) that are read from a file: 400 MB of numbers.
pub const MAX_CELLS: usize = 50_000_000;

/// Spellings of a missing value, compared without regard to case.
const MISSING: [&str; 6] = ["", "na", "n/a", "nan", "null", "none"];

/// A named column of numbers; a missing value is NaN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Column {
    /// Name, from the header.
    pub name: String,
    /// One value per row.
    pub values: Vec<f64>,
}

/// A table: numeric columns of equal length, and the names of the columns that hold text.
///
/// ```
/// use nis_core::pipeline::Dataset;
/// let table = Dataset::from_csv("orbits", "body,axis,period\nEarth,149.6,365.3\nMars,228.0,687.0\n".as_bytes())?;
/// assert_eq!(table.columns[1].values, [365.3, 687.0]);
/// assert_eq!(table.labels.as_deref(), Some(&["Earth".to_string(), "Mars".to_string()][..]));
/// # Ok::<(), nis_core::Error>(())
/// ```
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

impl Dataset {
    /// Reads a CSV file; see [`Dataset::from_csv`].
    ///
    /// # Errors
    /// [`Error::Io`] where the file cannot be read, and those of [`Dataset::from_csv`].
    pub fn from_csv_path(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let file = std::fs::File::open(path).map_err(|e| Error::io(&shown, &e))?;
        let name = path
            .file_name()
            .map_or(shown, |n| n.to_string_lossy().into_owned());
        Self::from_csv(&name, file)
    }

    /// Reads CSV text (RFC 4180) with a header line. The separator is the one of comma, semicolon and tab
    /// that the header has most of; lines that start with `#` are comments; spaces around cells and a byte
    /// order mark are dropped.
    ///
    /// A column is numeric where at least half of its present cells are numbers, and then every present cell
    /// must be one. Empty cells, `NA`, `N/A`, `NaN`, `null` and `none` are missing values (NaN).
    ///
    /// # Errors
    /// [`Error::Parse`] names the line and the cell (its place in the line, from 1); [`Error::InvalidInput`]
    /// for an empty table or a name that stands twice; [`Error::Limit`] over [`MAX_CELLS`].
    pub fn from_csv(source: &str, mut reader: impl Read) -> Result<Self> {
        // The longest cell that 17 digits, sign, point and exponent need is 24 bytes.
        let limit = MAX_CELLS as u64 * 25;
        let mut bytes = Vec::new();
        let got = reader
            .by_ref()
            .take(limit + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| Error::io(source, &e))? as u64;
        if got > limit {
            return Err(Error::Limit {
                what: format!("bytes in {source}"),
                limit,
                got,
            });
        }
        let text = std::str::from_utf8(&bytes).map_err(|e| {
            Error::invalid(
                source,
                format!("byte {} is not UTF-8", e.valid_up_to()),
                "UTF-8 text",
            )
        })?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut csv = csv::ReaderBuilder::new()
            .delimiter(separator(text))
            .comment(Some(b'#'))
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let names: Vec<String> = csv
            .headers()
            .map_err(|e| csv_error(source, &e))?
            .iter()
            .map(String::from)
            .collect();
        check_names(source, &names)?;
        let mut cells: Vec<Vec<(u64, String)>> = vec![Vec::new(); names.len()];
        let mut count = 0usize;
        for record in csv.records() {
            let record = record.map_err(|e| csv_error(source, &e))?;
            let line = record.position().map_or(0, csv::Position::line);
            count += record.len();
            if count > MAX_CELLS {
                return Err(Error::Limit {
                    what: format!("cells in {source}"),
                    limit: MAX_CELLS as u64,
                    got: count as u64,
                });
            }
            for (column, cell) in cells.iter_mut().zip(record.iter()) {
                column.push((line, cell.to_string()));
            }
        }
        if cells.iter().all(Vec::is_empty) {
            return Err(Error::invalid(
                source,
                "no rows below the header",
                "at least one row",
            ));
        }
        let mut table = Dataset {
            source: source.to_string(),
            columns: Vec::new(),
            labels: None,
            text_columns: Vec::new(),
        };
        for (place, (name, column)) in names.into_iter().zip(cells).enumerate() {
            if is_numeric(&column) {
                let values = column
                    .iter()
                    .map(|(line, cell)| {
                        number(cell).ok_or_else(|| bad_cell(source, *line, place, cell))
                    })
                    .collect::<Result<_>>()?;
                table.columns.push(Column { name, values });
            } else {
                if table.labels.is_none() {
                    table.labels = Some(column.into_iter().map(|(_, cell)| cell).collect());
                }
                table.text_columns.push(name);
            }
        }
        if table.columns.is_empty() {
            return Err(Error::invalid(
                source,
                "text in every column",
                "a numeric column",
            ));
        }
        Ok(table)
    }

    /// A table of columns that the host has in memory; a missing value is NaN.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for no column, columns of unequal length, no rows, an empty name or one that
    /// stands twice, or an infinite value.
    pub fn from_columns(source: &str, columns: Vec<(String, Vec<f64>)>) -> Result<Self> {
        let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
        check_names("columns", &names)?;
        let rows = columns.first().map_or(0, |(_, values)| values.len());
        if rows == 0 {
            return Err(Error::invalid("columns", "no rows", "at least one row"));
        }
        for (name, values) in &columns {
            if values.len() != rows {
                return Err(Error::invalid(
                    format!("columns.{name}"),
                    format!("{} values", values.len()),
                    format!("{rows} values, as in the first column"),
                ));
            }
            if let Some(at) = values.iter().position(|v| v.is_infinite()) {
                return Err(Error::invalid(
                    format!("columns.{name}[{at}]"),
                    "infinity",
                    "a finite value, or NaN where it is missing",
                ));
            }
        }
        Ok(Dataset {
            source: source.to_string(),
            columns: columns
                .into_iter()
                .map(|(name, values)| Column { name, values })
                .collect(),
            labels: None,
            text_columns: Vec::new(),
        })
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.columns.first().map_or(0, |c| c.values.len())
    }

    /// The column of that name.
    ///
    /// # Errors
    /// [`Error::NotFound`] lists the columns that there are.
    pub fn column(&self, name: &str) -> Result<&Column> {
        self.columns.iter().find(|c| c.name == name).ok_or_else(|| {
            let known: Vec<&str> = self.columns.iter().map(|c| c.name.as_str()).collect();
            Error::NotFound {
                what: "numeric column".into(),
                name: format!("{name} (there are: {})", known.join(", ")),
            }
        })
    }
}

fn check_names(field: &str, names: &[String]) -> Result<()> {
    let mut seen = HashSet::new();
    for (i, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(Error::invalid(
                field,
                format!("no name for column {}", i + 1),
                "a name for every column",
            ));
        }
        if !seen.insert(name) {
            return Err(Error::invalid(
                field,
                format!("column {name} twice"),
                "names that differ",
            ));
        }
    }
    if names.is_empty() {
        return Err(Error::invalid(field, "no columns", "at least one column"));
    }
    Ok(())
}

/// The separator that the header line has most of.
fn separator(text: &str) -> u8 {
    let header = text
        .lines()
        .find(|l| !l.starts_with('#') && !l.trim().is_empty())
        .unwrap_or("");
    let count = |c: u8| header.bytes().filter(|b| *b == c).count();
    let mut best = b',';
    for c in [b';', b'\t'] {
        if count(c) > count(best) {
            best = c;
        }
    }
    best
}

fn is_missing(cell: &str) -> bool {
    MISSING.iter().any(|m| cell.eq_ignore_ascii_case(m))
}

/// The cell's value, NaN where it is missing, `None` where it is text or infinite.
fn number(cell: &str) -> Option<f64> {
    if is_missing(cell) {
        return Some(f64::NAN);
    }
    cell.parse::<f64>().ok().filter(|v| v.is_finite())
}

fn is_numeric(column: &[(u64, String)]) -> bool {
    let present = column.iter().filter(|(_, cell)| !is_missing(cell));
    let (mut numbers, mut all) = (0usize, 0usize);
    for (_, cell) in present {
        all += 1;
        numbers += usize::from(cell.parse::<f64>().is_ok());
    }
    all > 0 && 2 * numbers >= all
}

fn bad_cell(source: &str, line: u64, place: usize, cell: &str) -> Error {
    let shown: String = cell.chars().take(40).collect();
    Error::parse(
        format!("{source} line {line}"),
        place + 1,
        format!("{shown:?} is not a finite number, but most of this column are numbers"),
    )
}

fn csv_error(source: &str, error: &csv::Error) -> Error {
    let line = error.position().map_or(0, csv::Position::line);
    match error.kind() {
        csv::ErrorKind::UnequalLengths {
            expected_len, len, ..
        } => Error::parse(
            format!("{source} line {line}"),
            (*len).min(*expected_len) as usize + 1,
            format!("{len} cells where the header has {expected_len}"),
        ),
        _ => Error::parse(format!("{source} line {line}"), 1, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;

    fn read(text: &str) -> Result<Dataset> {
        Dataset::from_csv("t.csv", text.as_bytes())
    }

    #[test]
    fn separators_comments_marks_and_missing_values() {
        let t = read("\u{feff}# made by hand\nt; y;who\r\n1; 2.5;a\r\n2;NA;b\r\n3;;\r\n").unwrap();
        assert_eq!(t.columns.len(), 2);
        assert_eq!(t.columns[0].values, [1.0, 2.0, 3.0]);
        assert_eq!(t.columns[1].values[0], 2.5);
        assert!(t.columns[1].values[1].is_nan() && t.columns[1].values[2].is_nan());
        assert_eq!(t.text_columns, ["who"]);
        assert_eq!(t.labels.unwrap(), ["a", "b", ""]);
    }

    #[test]
    fn a_slip_in_a_numeric_column_is_named() {
        let e = read("t,y\n1,2\n2,oops\n3,4\n").unwrap_err();
        assert_eq!(
            e.to_string(),
            "t.csv line 3, column 2: \"oops\" is not a finite number, but most of this column are numbers"
        );
        assert_eq!(
            read("t,y\n1,2\n2,inf\n3,4\n").unwrap_err().code(),
            Code::Parse
        );
    }

    #[test]
    fn bad_tables_are_refused() {
        for (text, code) in [
            ("", Code::InvalidInput),
            ("t,y\n", Code::InvalidInput),
            ("t,t\n1,2\n", Code::InvalidInput),
            ("t,\n1,2\n", Code::InvalidInput),
            ("t,y\n1,2,3\n", Code::Parse),
            ("t\nabc\ndef\n", Code::InvalidInput),
        ] {
            assert_eq!(read(text).unwrap_err().code(), code, "{text:?}");
        }
        let e = Dataset::from_csv("t.csv", &b"t,y\n\xff,1\n"[..]).unwrap_err();
        assert_eq!(e.code(), Code::InvalidInput);
        assert!(Dataset::from_csv_path(Path::new("/no/such.csv")).is_err());
        assert!(Dataset::from_columns("m", vec![]).is_err());
        let unequal = vec![("a".into(), vec![1.0]), ("b".into(), vec![])];
        assert!(Dataset::from_columns("m", unequal).is_err());
        let infinite = vec![("a".into(), vec![f64::INFINITY])];
        assert!(Dataset::from_columns("m", infinite).is_err());
    }

    #[test]
    fn an_unknown_column_lists_the_known() {
        let e = read("t,y\n1,2\n")
            .unwrap()
            .column("x")
            .map(|_| ())
            .unwrap_err();
        assert_eq!(
            e.to_string(),
            "numeric column not found: x (there are: t, y)"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "[a-z0-9,;.\n\"#-]{0,200}") {
            let _ = read(&text);
        }
    }
}
