//! Lists of consumers, applications and keys, a page at a time.

use rusqlite::{Row, ToSql, params};

use super::super::name::{Application, Holder, Name};
use super::super::view::{ApplicationView, ConsumerView, KeyState, KeyView, Page};
use super::{Book, json, parsed, seconds, time};

/// Good at the second ?4.
const ACTIVE: &str = "key.revoked IS NULL AND (key.expires IS NULL OR key.expires > ?4)";

impl Book {
    /// By name.
    pub(in super::super) fn consumers(&self, page: &Page) -> rusqlite::Result<Vec<ConsumerView>> {
        let sql = "
            SELECT name, description, attributes, disabled, created,
                (SELECT count(*) FROM application WHERE consumer = consumer.id)
            FROM consumer WHERE (?1 IS NULL OR name = ?1) AND name > ?2 ORDER BY name LIMIT ?3";
        let (consumer, _) = of(page);
        self.list(sql, params![consumer, page.after, page.most], |row| {
            Ok(ConsumerView {
                consumer: parsed(row, 0)?,
                description: parsed(row, 1)?,
                attributes: json(row, 2)?,
                disabled: row.get(3)?,
                created: time(row, 4)?.unwrap_or_default(),
                applications: time(row, 5)?.unwrap_or_default(),
            })
        })
    }

    /// By the name of their consumer and their own.
    pub(in super::super) fn applications(&self, page: &Page, now: u64) -> rusqlite::Result<Vec<ApplicationView>> {
        let sql = format!(
            "SELECT consumer.name, application.name, application.description, application.attributes,
                application.disabled, application.created,
                (SELECT count(*) FROM key WHERE key.application = application.id AND {ACTIVE})
            FROM application JOIN consumer ON consumer.id = application.consumer
            WHERE (?1 IS NULL OR consumer.name = ?1) AND (?5 IS NULL OR application.name = ?5)
                AND (consumer.name, application.name) > (?2, ?6)
            ORDER BY consumer.name, application.name LIMIT ?3"
        );
        let (consumer, application) = of(page);
        let (after, after_its) = page.after.split_once('/').unwrap_or((&page.after, ""));
        let wanted = params![consumer, after, page.most, seconds(now), application, after_its];
        self.list(&sql, wanted, |row| {
            Ok(ApplicationView {
                application: named(row)?,
                description: parsed(row, 2)?,
                attributes: json(row, 3)?,
                disabled: row.get(4)?,
                created: time(row, 5)?.unwrap_or_default(),
                keys: time(row, 6)?.unwrap_or_default(),
            })
        })
    }

    /// By id, which is by chance.
    pub(in super::super) fn keys(&self, page: &Page, now: u64) -> rusqlite::Result<Vec<KeyView>> {
        let sql = "
            SELECT consumer.name, application.name, key.id, key.environment, key.note, key.bounds, key.created,
                key.expires, key.revoked, key.used, consumer.disabled OR application.disabled
            FROM key JOIN application ON application.id = key.application
                JOIN consumer ON consumer.id = application.consumer
            WHERE (?1 IS NULL OR consumer.name = ?1) AND (?4 IS NULL OR application.name = ?4) AND key.id > ?2
            ORDER BY key.id LIMIT ?3";
        let (consumer, application) = of(page);
        self.list(sql, params![consumer, page.after, page.most, application], |row| {
            let (expires, revoked) = (time(row, 7)?, time(row, 8)?);
            let state = match revoked {
                Some(_) => KeyState::Revoked,
                None if expires.is_some_and(|expires| now >= expires) => KeyState::Expired,
                None if row.get(10)? => KeyState::Disabled,
                None => KeyState::Active,
            };
            Ok(KeyView {
                key: parsed(row, 2)?,
                application: named(row)?,
                environment: parsed(row, 3)?,
                state,
                note: parsed(row, 4)?,
                bounds: json(row, 5)?,
                created: time(row, 6)?.unwrap_or_default(),
                expires,
                revoked,
                used: time(row, 9)?,
            })
        })
    }

    fn list<T>(
        &self,
        sql: &str,
        wanted: &[&dyn ToSql],
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        self.connection.prepare(sql)?.query_map(wanted, read)?.collect()
    }
}

/// Whose are wanted: of a consumer, and of an application of it.
fn of(page: &Page) -> (Option<String>, Option<String>) {
    match &page.of {
        None => (None, None),
        Some(Holder::Consumer(consumer)) => (Some(consumer.to_string()), None),
        Some(Holder::Application(Application { consumer, name })) => {
            (Some(consumer.to_string()), Some(name.to_string()))
        }
    }
}

/// Of the first two columns.
fn named(row: &Row<'_>) -> rusqlite::Result<Application> {
    Ok(Application { consumer: parsed::<Name>(row, 0)?, name: parsed(row, 1)? })
}
