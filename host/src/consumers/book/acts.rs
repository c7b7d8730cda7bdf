//! Acts as changes of the database: each is done as a whole and on record, or not at all.

use rusqlite::{ErrorCode, OptionalExtension, Transaction, TransactionBehavior, named_params, params};
use serde::Serialize;

use super::super::act::{self, Act, Done, NotDone};
use super::super::bounds::Bounds;
use super::super::key::{Env, KeyId, NewKey};
use super::super::name::{Application, Attributes, Description, Holder, Name};
use super::{Book, json, parsed, seconds, time};
use crate::record::Why;

/// Good now.
const ACTIVE: &str = "revoked IS NULL AND (expires IS NULL OR expires > :now)";

impl Book {
    /// Do it, at a second since 1970, if `record` puts it on record, as the entry of the number it returns.
    pub(in super::super) fn act(
        &mut self,
        act: &Act,
        now: u64,
        record: impl FnOnce(Why) -> anyhow::Result<u64>,
    ) -> Result<Done, NotDone> {
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut change = Change { transaction: &transaction, now, keys: Vec::new(), is_so: false };
        let mut done = change.make(act)?;
        let (keys, is_so) = (change.keys, change.is_so);
        if is_so {
            return Ok(done);
        }
        done.entry = Some(record(act.why(&done.of, &keys)).map_err(NotDone::Failed)?);
        transaction.commit().map_err(|error| NotDone::Unknown(failed(error)))?;
        Ok(done)
    }
}

/// One act under way.
struct Change<'a> {
    transaction: &'a Transaction<'a>,
    now: u64,
    /// The keys it is about.
    keys: Vec<KeyId>,
    /// Whether all was so before.
    is_so: bool,
}

/// A key that is there.
struct Found {
    application: Application,
    environment: Env,
    note: String,
    bounds: Bounds,
    created: u64,
    expires: Option<u64>,
    is_active: bool,
    is_revoked: bool,
}

/// What a new key is to be.
struct Wanted<'a> {
    environment: &'a Env,
    note: &'a str,
    bounds: &'a Bounds,
    expires_in: Option<u64>,
}

impl Change<'_> {
    fn make(&mut self, act: &Act) -> Result<Done, NotDone> {
        match act {
            Act::Add { holder, description, attributes } => self.add(holder, description, attributes),
            Act::Set { holder, description, attributes, disabled } => {
                let (table, id) = self.find(holder)?;
                let said = format!("SELECT attributes, description, disabled FROM {table} WHERE id = ?1");
                let before: (Attributes, String, bool) =
                    self.transaction.query_row(&said, [id], |row| Ok((json(row, 0)?, row.get(1)?, row.get(2)?)))?;
                let after = (
                    before.0.clone().changed(attributes)?,
                    description.as_ref().map_or_else(|| before.1.clone(), Description::to_string),
                    disabled.unwrap_or(before.2),
                );
                self.is_so = after == before;
                self.transaction.execute(
                    &format!("UPDATE {table} SET attributes = ?2, description = ?3, disabled = ?4 WHERE id = ?1"),
                    params![id, text(&after.0)?, after.1, after.2],
                )?;
                Ok(done(holder.clone()))
            }
            Act::Remove { holder, with_keys } => self.remove(holder, *with_keys),
            Act::MakeKey { application, environment, note, bounds, expires_in } => {
                let note = note.to_string();
                let wanted = Wanted { environment, note: &note, bounds, expires_in: *expires_in };
                self.key(application, &wanted)
            }
            Act::RotateKey { key, overlap, expires_in } => self.rotate(*key, *overlap, *expires_in),
            Act::RevokeKey { key } => {
                let found = self.found(*key)?;
                self.is_so = found.is_revoked;
                self.transaction.execute(
                    "UPDATE key SET revoked = coalesce(revoked, ?2) WHERE id = ?1",
                    params![key.to_string(), seconds(self.now)],
                )?;
                self.keys.push(*key);
                Ok(Done { key: Some(*key), ..done(Holder::Application(found.application)) })
            }
        }
    }

    fn add(&self, holder: &Holder, description: &Description, attributes: &Attributes) -> Result<Done, NotDone> {
        let (description, attributes) = (description.to_string(), text(attributes)?);
        let added = match holder {
            Holder::Consumer(name) => {
                self.few("consumers", act::MOST_CONSUMERS, "SELECT count(*) FROM consumer", None)?;
                self.transaction.execute(
                    "INSERT INTO consumer (name, description, attributes, created) VALUES (?1, ?2, ?3, ?4)",
                    params![name.to_string(), description, attributes, seconds(self.now)],
                )
            }
            Holder::Application(Application { consumer, name }) => {
                let (_, consumer) = self.find(&Holder::Consumer(consumer.clone()))?;
                let counted = "SELECT count(*) FROM application WHERE consumer = ?1";
                self.few("applications of one consumer", act::MOST_APPLICATIONS, counted, Some(consumer))?;
                self.transaction.execute(
                    "INSERT INTO application (consumer, name, description, attributes, created) VALUES (?1, ?2, ?3, ?4, ?5)",
                    params![consumer, name.to_string(), description, attributes, seconds(self.now)],
                )
            }
        };
        match added {
            Ok(_) => Ok(done(holder.clone())),
            Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == ErrorCode::ConstraintViolation => {
                Err(NotDone::Exists(holder.clone()))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn few(&self, what: &'static str, most: usize, counted: &str, of: Option<i64>) -> Result<(), NotDone> {
        let count: i64 = self.transaction.query_row(counted, rusqlite::params_from_iter(of), |row| row.get(0))?;
        if count < seconds(most as u64) { Ok(()) } else { Err(NotDone::Many(what, most)) }
    }

    fn remove(&mut self, holder: &Holder, with_keys: bool) -> Result<Done, NotDone> {
        let (table, id) = self.find(holder)?;
        let column = if table == "consumer" { "application.consumer" } else { "application.id" };
        let good = format!(
            "SELECT key.id FROM key JOIN application ON application.id = key.application \
             WHERE {column} = :id AND {ACTIVE}"
        );
        let named = named_params! { ":id": id, ":now": seconds(self.now) };
        self.keys =
            self.transaction.prepare(&good)?.query_map(named, |row| parsed(row, 0))?.collect::<Result<_, _>>()?;
        if !self.keys.is_empty() && !with_keys {
            return Err(NotDone::HasKeys(self.keys.len(), holder.clone()));
        }
        self.transaction.execute(&format!("DELETE FROM {table} WHERE id = ?1"), [id])?;
        Ok(done(holder.clone()))
    }

    fn rotate(&mut self, key: KeyId, overlap: u64, expires_in: Option<u64>) -> Result<Done, NotDone> {
        let most = act::LONGEST_OVERLAP.as_secs();
        if overlap > most {
            return Err(NotDone::Time(overlap, most));
        }
        let found = self.found(key)?;
        if !found.is_active {
            return Err(NotDone::Ended(key));
        }
        let Found { application, environment, note, bounds, created, expires, .. } = found;
        self.keys.push(key);
        // First, so that one that ends at once makes room.
        let ends = self.now.saturating_add(overlap);
        let ends = expires.map_or(ends, |expires| expires.min(ends));
        self.transaction
            .execute("UPDATE key SET expires = ?2 WHERE id = ?1", params![key.to_string(), seconds(ends)])?;
        let expires_in = expires_in.or(expires.map(|expires| expires.saturating_sub(created).max(1)));
        let wanted = Wanted { environment: &environment, note: &note, bounds: &bounds, expires_in };
        Ok(Done { before_expires: Some(ends), ..self.key(&application, &wanted)? })
    }

    /// Make a key; it can be told once.
    fn key(&mut self, application: &Application, wanted: &Wanted<'_>) -> Result<Done, NotDone> {
        let Wanted { environment, note, bounds, expires_in } = wanted;
        let most = act::LONGEST_LIFE.as_secs();
        if let Some(wrong) = expires_in.filter(|life| !(1..=most).contains(life)) {
            return Err(NotDone::Time(wrong, most));
        }
        let holder = Holder::Application(application.clone());
        let (_, id) = self.find(&holder)?;
        self.few("keys", act::MOST_KEYS, "SELECT count(*) FROM key", None)?;
        let (active, good) = self.active(id, environment)?;
        if good >= act::MOST_GOOD {
            return Err(NotDone::Many("keys of one application that are good", act::MOST_GOOD));
        }
        if active.len() >= act::MOST_ACTIVE {
            return Err(NotDone::TwoActive(application.clone(), (*environment).clone(), active.join(" and ")));
        }
        let key = NewKey::generate(environment).map_err(|error| NotDone::Failed(error.into()))?;
        let expires = expires_in.map(|life| self.now.saturating_add(life));
        self.transaction.execute(
            "INSERT INTO key (id, application, environment, digest, note, bounds, created, expires) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            params![
                key.id.to_string(),
                id,
                environment.to_string(),
                key.digest.bytes(),
                note,
                text(bounds)?,
                seconds(self.now),
                expires.map(seconds)
            ],
        )?;
        self.forget_ended(id)?;
        self.keys.push(key.id);
        Ok(Done { key: Some(key.id), secret: Some(key.reveal().to_owned()), expires, ..done(holder) })
    }

    /// The keys that are good for an environment, and how many are for any.
    fn active(&self, application: i64, environment: &Env) -> Result<(Vec<String>, usize), NotDone> {
        let active = format!("SELECT id, environment FROM key WHERE application = :of AND {ACTIVE}");
        let mut statement = self.transaction.prepare(&active)?;
        let named = named_params! { ":of": application, ":now": seconds(self.now) };
        let all = statement.query_map(named, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let all: Vec<(String, String)> = all.collect::<Result<_, _>>()?;
        let good = all.len();
        let of = |(id, its): (String, String)| (its == environment.to_string()).then_some(id);
        Ok((all.into_iter().filter_map(of).collect(), good))
    }

    /// Of keys that are not good any more those go that have not been for the longest time.
    fn forget_ended(&self, application: i64) -> Result<(), NotDone> {
        let ended = format!(
            "DELETE FROM key WHERE id IN (SELECT id FROM key WHERE application = :of AND NOT ({ACTIVE}) \
             ORDER BY coalesce(revoked, expires) DESC, id LIMIT -1 OFFSET :most)"
        );
        let named =
            named_params! { ":of": application, ":now": seconds(self.now), ":most": seconds(act::MOST_ENDED as u64) };
        self.transaction.execute(&ended, named)?;
        Ok(())
    }

    fn found(&self, key: KeyId) -> Result<Found, NotDone> {
        let sql = format!(
            "SELECT consumer.name, application.name, environment, note, bounds, expires, {ACTIVE}, key.created, \
             revoked IS NOT NULL \
             FROM key JOIN application ON application.id = key.application \
             JOIN consumer ON consumer.id = application.consumer WHERE key.id = :key"
        );
        let id = key.to_string();
        let named = named_params! { ":key": id, ":now": seconds(self.now) };
        let found = self.transaction.query_row(&sql, named, |row| {
            Ok(Found {
                application: Application { consumer: parsed::<Name>(row, 0)?, name: parsed(row, 1)? },
                environment: parsed(row, 2)?,
                note: row.get(3)?,
                bounds: json(row, 4)?,
                expires: time(row, 5)?,
                is_active: row.get(6)?,
                created: time(row, 7)?.unwrap_or_default(),
                is_revoked: row.get(8)?,
            })
        });
        found.optional()?.ok_or(NotDone::NoKey(key))
    }

    /// The table a holder stands in, and its row there.
    fn find(&self, holder: &Holder) -> Result<(&'static str, i64), NotDone> {
        let found = match holder {
            Holder::Consumer(name) => (
                "consumer",
                self.transaction
                    .query_row("SELECT id FROM consumer WHERE name = ?1", [name.to_string()], |row| row.get(0)),
            ),
            Holder::Application(Application { consumer, name }) => (
                "application",
                self.transaction.query_row(
                    "SELECT application.id FROM application JOIN consumer ON consumer.id = application.consumer \
                     WHERE consumer.name = ?1 AND application.name = ?2",
                    [consumer.to_string(), name.to_string()],
                    |row| row.get(0),
                ),
            ),
        };
        let (table, id) = found;
        Ok((table, id.optional()?.ok_or_else(|| NotDone::NoHolder(holder.clone()))?))
    }
}

fn done(of: Holder) -> Done {
    Done { entry: None, of, key: None, secret: None, expires: None, before_expires: None }
}

/// As the database has it.
fn text(value: &impl Serialize) -> Result<String, NotDone> {
    serde_json::to_string(value).map_err(|error| NotDone::Failed(error.into()))
}

impl From<rusqlite::Error> for NotDone {
    fn from(error: rusqlite::Error) -> Self {
        Self::Failed(failed(error))
    }
}

fn failed(error: rusqlite::Error) -> anyhow::Error {
    anyhow::Error::from(error).context("the database of consumers failed")
}
