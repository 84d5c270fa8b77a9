//! Tables in numbered steps, each applied once, all under a lock; tables of a later release are refused.

use super::Dialect;

/// The step that this release knows last.
pub const SCHEMA: i64 = 3;

const SQLITE: &[&str] = &[
    include_str!("migrations/sqlite/0001.sql"),
    include_str!("migrations/sqlite/0002.sql"),
    include_str!("migrations/sqlite/0003.sql"),
];
const POSTGRES: &[&str] = &[
    include_str!("migrations/postgres/0001.sql"),
    include_str!("migrations/postgres/0002.sql"),
    include_str!("migrations/postgres/0003.sql"),
];

pub(super) const fn steps(dialect: Dialect) -> &'static [&'static str] {
    match dialect {
        Dialect::Sqlite => SQLITE,
        Dialect::Postgres => POSTGRES,
    }
}

/// Applies to a connection, inside its transaction, what is missing of `steps`.
macro_rules! run {
    ($connection:expr, $steps:expr, $known:expr) => {{
        let make = "CREATE TABLE IF NOT EXISTS schema (step BIGINT PRIMARY KEY)";
        bind(make, Vec::new()).execute($connection).await.map_err(failed)?;
        let last = bind("SELECT step FROM schema ORDER BY step DESC LIMIT 1", Vec::new());
        let last = last.fetch_optional($connection).await.map_err(failed)?.map(|row| read(&row));
        let done = last.map_or(Ok(0), |row| row.u64("schema", 0))?;
        let found = i64::try_from(done).unwrap_or(i64::MAX);
        if found > $known {
            return Err(Error::Newer { found, known: $known });
        }
        for (step, sql) in (1i64..).zip($steps.iter().copied()).filter(|(step, _)| *step > found) {
            sqlx::raw_sql(sql).execute($connection).await.map_err(failed)?;
            let note = bind("INSERT INTO schema (step) VALUES ($1)", vec![Value::Int(step)]);
            note.execute($connection).await.map_err(failed)?;
        }
    }};
}
pub(super) use run;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_dialects_have_all_steps_and_the_same_tables() {
        assert_eq!((SQLITE.len(), POSTGRES.len()), (SCHEMA as usize, SCHEMA as usize));
        let tables = |steps: &[&str]| -> Vec<String> {
            let all = steps.concat();
            let lines = all.lines().filter(|l| !l.starts_with("--")).map(|l| {
                l.replace("BLOB", "BYTEA")
                    .replace(" STRICT", "")
                    .replace(" WITHOUT ROWID,", "")
                    .replace(" WITHOUT ROWID", "")
            });
            lines.map(|l| l.replace("INTEGER", "BIGINT").replace(") ;", ");").replace("),;", ");")).collect()
        };
        assert_eq!(tables(SQLITE), tables(POSTGRES));
    }
}
