//! The store over SQLite.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::{Speaker, Store, Turn, words};
use crate::error::{Error, Result};

/// Version of the tables, kept in the file.
const SCHEMA: i64 = 1;

/// How long a call waits for another process that holds the file.
const WAIT: Duration = Duration::from_secs(5);

/// Most facts of one user that a search looks through, newest first.
const SEARCHED: usize = 10_000;

const TABLES: &str = "
    CREATE TABLE conversations (id TEXT PRIMARY KEY, user TEXT NOT NULL, created REAL NOT NULL) WITHOUT ROWID;
    CREATE TABLE turns (
        conversation TEXT NOT NULL REFERENCES conversations(id), number INTEGER NOT NULL,
        speaker TEXT NOT NULL, text TEXT NOT NULL, at REAL NOT NULL,
        PRIMARY KEY (conversation, number)) WITHOUT ROWID;
    CREATE TABLE facts (
        id INTEGER PRIMARY KEY, user TEXT NOT NULL, fact TEXT NOT NULL, at REAL NOT NULL, UNIQUE (user, fact));
";

/// Conversations and facts in SQLite: one connection behind a lock, writes in transactions, the log of a
/// file written ahead.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Mutex<Connection>,
    path: String,
}

impl SqliteStore {
    /// In memory; gone with the value.
    ///
    /// # Errors
    /// [`Error::Io`] where SQLite cannot start.
    pub fn in_memory() -> Result<Self> {
        let name = "the database in memory";
        let open = Connection::open_in_memory().map_err(|e| failed(name, &e))?;
        Self::prepare(open, name.into())
    }

    /// In a file, which is made where it does not exist.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file where it cannot be opened, is no database, or was written by a newer
    /// version.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let open = Connection::open(PathBuf::from(path)).map_err(|e| failed(&name, &e))?;
        Self::prepare(open, name)
    }

    fn prepare(mut connection: Connection, path: String) -> Result<Self> {
        let setup = |connection: &mut Connection| -> rusqlite::Result<i64> {
            connection.busy_timeout(WAIT)?;
            connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
            // With a log written ahead, NORMAL never corrupts; a power cut may cost the last turns.
            connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;")?;
            connection.set_prepared_statement_cache_capacity(32);
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let version: i64 =
                transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
            if version == 0 {
                transaction.execute_batch(TABLES)?;
                transaction.pragma_update(None, "user_version", SCHEMA)?;
            }
            transaction.commit()?;
            Ok(version)
        };
        let version = setup(&mut connection).map_err(|e| failed(&path, &e))?;
        if version > SCHEMA {
            return Err(Error::Io {
                path,
                reason: format!(
                    "written by a newer version (tables {version}, this one knows {SCHEMA})"
                ),
            });
        }
        Ok(SqliteStore {
            connection: Mutex::new(connection),
            path,
        })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic inside a transaction rolled it back, so the connection is still good.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn run<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T> {
        work(&mut self.lock()).map_err(|e| failed(&self.path, &e))
    }
}

fn failed(path: &str, error: &rusqlite::Error) -> Error {
    Error::Io {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}

fn not_theirs(conversation: &str) -> Error {
    Error::NotFound {
        what: "conversation_id".into(),
        name: conversation.into(),
    }
}

fn owner(connection: &Connection, conversation: &str) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached("SELECT user FROM conversations WHERE id = ?1")?
        .query_row([conversation], |row| row.get(0))
        .optional()
}

impl Store for SqliteStore {
    fn append(&self, conversation: &str, user: &str, turns: &[Turn]) -> Result<()> {
        let theirs = self.run(|connection| {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            match owner(&transaction, conversation)? {
                Some(owner) if owner != user => return Ok(false),
                Some(_) => {}
                None => {
                    let created = turns.first().map_or(0.0, |t| t.at);
                    transaction
                        .prepare_cached("INSERT INTO conversations VALUES (?1, ?2, ?3)")?
                        .execute(params![conversation, user, created])?;
                }
            }
            for turn in turns {
                let speaker = match turn.speaker {
                    Speaker::User => "user",
                    Speaker::Assistant => "assistant",
                };
                transaction
                    .prepare_cached(
                        "INSERT INTO turns SELECT ?1, COALESCE(MAX(number), 0) + 1, ?2, ?3, ?4 \
                         FROM turns WHERE conversation = ?1",
                    )?
                    .execute(params![conversation, speaker, turn.text, turn.at])?;
            }
            transaction.commit()?;
            Ok(true)
        })?;
        if theirs {
            Ok(())
        } else {
            Err(not_theirs(conversation))
        }
    }

    fn history(&self, conversation: &str, user: &str, limit: usize) -> Result<Vec<Turn>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found = self.run(|connection| {
            if owner(connection, conversation)?.is_some_and(|owner| owner != user) {
                return Ok(None);
            }
            let mut statement = connection.prepare_cached(
                "SELECT speaker, text, at FROM turns WHERE conversation = ?1 ORDER BY number DESC LIMIT ?2",
            )?;
            let rows = statement.query_map(params![conversation, limit], |row| {
                let speaker: String = row.get(0)?;
                Ok(Turn {
                    speaker: if speaker == "user" { Speaker::User } else { Speaker::Assistant },
                    text: row.get(1)?,
                    at: row.get(2)?,
                })
            })?;
            rows.collect::<rusqlite::Result<Vec<Turn>>>().map(Some)
        })?;
        let mut turns = found.ok_or_else(|| not_theirs(conversation))?;
        turns.reverse();
        Ok(turns)
    }

    fn conversations(&self) -> Result<u64> {
        let count: i64 = self.run(|connection| {
            connection
                .prepare_cached("SELECT COUNT(*) FROM conversations")?
                .query_row([], |row| row.get(0))
        })?;
        Ok(u64::try_from(count).unwrap_or(0))
    }

    fn remember(&self, user: &str, fact: &str, at: f64) -> Result<()> {
        self.run(|connection| {
            connection
                .prepare_cached(
                    "INSERT INTO facts (user, fact, at) VALUES (?1, ?2, ?3) \
                     ON CONFLICT (user, fact) DO UPDATE SET at = excluded.at",
                )?
                .execute(params![user, fact, at])
                .map(|_| ())
        })
    }

    fn recall(&self, user: &str, query: &str, limit: usize) -> Result<Vec<String>> {
        let facts: Vec<String> = self.run(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT fact FROM facts WHERE user = ?1 ORDER BY at DESC, id DESC LIMIT ?2",
            )?;
            let rows = statement.query_map(params![user, SEARCHED as i64], |row| row.get(0))?;
            rows.collect()
        })?;
        let wanted = words(query);
        if wanted.is_empty() {
            return Ok(facts.into_iter().take(limit).collect());
        }
        let mut ranked: Vec<(usize, String)> = facts
            .into_iter()
            .map(|fact| {
                let has = words(&fact);
                (wanted.iter().filter(|w| has.contains(w)).count(), fact)
            })
            .filter(|(shared, _)| *shared > 0)
            .collect();
        // Stable: among equals the newest stays first.
        ranked.sort_by_key(|(shared, _)| std::cmp::Reverse(*shared));
        Ok(ranked
            .into_iter()
            .take(limit)
            .map(|(_, fact)| fact)
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(text: &str, at: f64) -> Turn {
        Turn {
            speaker: if text.starts_with('q') {
                Speaker::User
            } else {
                Speaker::Assistant
            },
            text: text.into(),
            at,
        }
    }

    fn conversations_hold(store: &dyn Store) {
        assert_eq!(store.history("c1", "ann", 10).unwrap(), []);
        store
            .append("c1", "ann", &[turn("q1", 1.0), turn("a1", 2.0)])
            .unwrap();
        store
            .append("c1", "ann", &[turn("q2", 3.0), turn("a2", 4.0)])
            .unwrap();
        store.append("c2", "bob", &[turn("q", 5.0)]).unwrap();
        let last = store.history("c1", "ann", 3).unwrap();
        assert_eq!(last, [turn("a1", 2.0), turn("q2", 3.0), turn("a2", 4.0)]);
        assert_eq!(store.conversations().unwrap(), 2);
        let e = store.history("c1", "bob", 3).unwrap_err();
        assert_eq!(e.field(), Some("conversation_id"));
        assert!(store.append("c1", "bob", &[turn("q", 6.0)]).is_err());
        assert_eq!(store.history("c1", "ann", 99).unwrap().len(), 4);
        assert_eq!(
            store
                .history("c1'; DROP TABLE turns; --", "ann", 9)
                .unwrap(),
            []
        );
    }

    fn facts_hold(store: &dyn Store) {
        store.remember("ann", "My dog is called Rex", 1.0).unwrap();
        store.remember("ann", "The dog eats fish", 2.0).unwrap();
        store.remember("ann", "My dog is called Rex", 3.0).unwrap();
        store.remember("ann", "I live in Ghent", 4.0).unwrap();
        assert_eq!(
            store.recall("ann", "What is my dog called?", 5).unwrap(),
            ["My dog is called Rex", "The dog eats fish"]
        );
        assert_eq!(store.recall("ann", "", 1).unwrap(), ["I live in Ghent"]);
        assert!(store.recall("bob", "dog", 5).unwrap().is_empty());
        assert!(store.recall("ann", "cat", 5).unwrap().is_empty());
    }

    #[test]
    fn in_memory() {
        let store = SqliteStore::in_memory().unwrap();
        conversations_hold(&store);
        facts_hold(&store);
        assert_eq!(
            SqliteStore::in_memory().unwrap().conversations().unwrap(),
            0
        );
    }

    #[test]
    fn in_a_file_that_outlives_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("nis.db");
        conversations_hold(&SqliteStore::open(&path).unwrap());
        let again = SqliteStore::open(&path).unwrap();
        assert_eq!(again.history("c1", "ann", 9).unwrap().len(), 4);
        facts_hold(&again);
        // Two stores on one file.
        let other = SqliteStore::open(&path).unwrap();
        other.append("c3", "eve", &[turn("q", 1.0)]).unwrap();
        assert_eq!(again.conversations().unwrap(), 3);
    }

    #[test]
    fn a_broken_file_is_an_error_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no.db");
        std::fs::write(
            &path,
            "this is no database, and it is long enough to be read as one".repeat(40),
        )
        .unwrap();
        for path in [
            path.as_path(),
            &folder.path().join("missing/nis.db"),
            folder.path(),
        ] {
            let e = SqliteStore::open(path).unwrap_err();
            assert!(
                matches!(&e, Error::Io { path: p, .. } if *p == path.display().to_string()),
                "{e}"
            );
        }
    }

    #[test]
    fn a_file_of_a_newer_version_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new.db");
        Connection::open(&path)
            .unwrap()
            .execute_batch("PRAGMA user_version = 7")
            .unwrap();
        let e = SqliteStore::open(&path).unwrap_err();
        assert!(e.to_string().contains("newer"), "{e}");
    }

    #[test]
    fn a_failed_transaction_leaves_nothing() {
        let store = SqliteStore::in_memory().unwrap();
        store.append("c", "ann", &[turn("q", 1.0)]).unwrap();
        // NaN becomes NULL, which the table refuses, after the first turn was written.
        assert!(
            store
                .append("c", "ann", &[turn("a", 2.0), turn("q", f64::NAN)])
                .is_err()
        );
        assert_eq!(store.history("c", "ann", 9).unwrap(), [turn("q", 1.0)]);
    }
}
