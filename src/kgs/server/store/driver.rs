//! What the two drivers share: the same code over the types of either database.

use sqlx::error::ErrorKind;

use crate::kgs::server::error::{Error, Fault};

/// What an error of the library means here. `Display` of a database's error has no values of rows in it.
pub(super) fn failed(e: sqlx::Error) -> Error {
    let text = e.to_string();
    let fault = match &e {
        sqlx::Error::Io(e) if e.kind() == std::io::ErrorKind::StorageFull => Fault::Full,
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => Fault::Gone,
        sqlx::Error::WorkerCrashed => Fault::Gone,
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) => Fault::Damaged,
        sqlx::Error::Database(e) => match (e.code().as_deref(), e.kind()) {
            (_, ErrorKind::UniqueViolation) => Fault::Conflict,
            (Some(code), _) => fault(code),
            _ => Fault::Other,
        },
        _ => Fault::Other,
    };
    Error::Store { fault, text }
}

/// From an SQLSTATE of PostgreSQL (five characters) or an extended result code of SQLite (a number; the low byte is the
/// primary code).
fn fault(code: &str) -> Fault {
    match code {
        "53100" => return Fault::Full,
        "40001" | "40P01" | "55P03" => return Fault::Busy,
        // Shutting down, starting up, too many connections.
        "57P01" | "57P02" | "57P03" | "53300" => return Fault::Gone,
        "25006" => return Fault::ReadOnly,
        "XX001" | "XX002" => return Fault::Damaged,
        "58030" => return Fault::Io,
        _ => {}
    }
    if code.len() == 5 && code.starts_with("08") {
        return Fault::Gone;
    }
    match code.parse::<u32>().map(|n| n & 0xff) {
        Ok(5 | 6) if code.len() < 5 => Fault::Busy,
        Ok(8) if code.len() < 5 => Fault::ReadOnly,
        Ok(10) if code.len() < 5 => Fault::Io,
        Ok(11 | 26) if code.len() < 5 => Fault::Damaged,
        Ok(13) if code.len() < 5 => Fault::Full,
        Ok(14) if code.len() < 5 => Fault::Gone,
        _ => Fault::Other,
    }
}

/// Statements and transactions over one database type.
macro_rules! driver {
    ($Db:ty, $Connection:ty, $int:literal, $text:literal, $bytes:literal) => {
        fn bind<'q>(
            sql: &'static str,
            values: Vec<Value>,
        ) -> sqlx::query::Query<'q, $Db, <$Db as sqlx::Database>::Arguments> {
            values.into_iter().fold(sqlx::query::<$Db>(sql), |query, value| match value {
                Value::Int(v) => query.bind(v),
                Value::Text(v) => query.bind(v),
                Value::Bytes(v) => query.bind(v),
            })
        }

        fn read(row: &<$Db as sqlx::Database>::Row) -> Row {
            use sqlx::{Row as _, TypeInfo as _, ValueRef as _};
            let column = |i| {
                let raw = row.try_get_raw(i).ok()?;
                if raw.is_null() {
                    return None;
                }
                match raw.type_info().name() {
                    $int => row.try_get(i).ok().map(Value::Int),
                    $text => row.try_get(i).ok().map(Value::Text),
                    $bytes => row.try_get(i).ok().map(Value::Bytes),
                    _ => None,
                }
            };
            Row { columns: (0..row.len()).map(column).collect() }
        }

        /// A transaction of our own statements. One that is not committed takes its connection with it: after an error the library
        /// and the database may disagree about whether a transaction is open, and a connection in such a state must not be used again.
        struct Open {
            connection: sqlx::pool::PoolConnection<$Db>,
            committed: bool,
        }

        impl Open {
            async fn begin(pool: &sqlx::Pool<$Db>, sql: &'static str) -> Result<Self, Error> {
                let connection = pool.acquire().await.map_err(failed)?;
                let mut open = Self { connection, committed: false };
                open.run(sql).await?;
                Ok(open)
            }

            async fn run(&mut self, sql: &'static str) -> Result<(), Error> {
                let connection: &mut $Connection = &mut self.connection;
                sqlx::raw_sql(sql).execute(connection).await.map_err(failed).map(drop)
            }

            async fn finish(mut self) -> Result<(), Error> {
                self.run("COMMIT").await?;
                self.committed = true;
                Ok(())
            }
        }

        impl Drop for Open {
            fn drop(&mut self) {
                if !self.committed {
                    self.connection.close_on_drop();
                }
            }
        }

        impl super::Transaction for Open {
            fn execute<'a>(&'a mut self, sql: &'static str, values: Vec<Value>) -> Pending<'a, u64> {
                Box::pin(async move {
                    let connection: &mut $Connection = &mut self.connection;
                    Ok(bind(sql, values).execute(connection).await.map_err(failed)?.rows_affected())
                })
            }

            fn fetch<'a>(&'a mut self, sql: &'static str, values: Vec<Value>) -> Pending<'a, Vec<Row>> {
                Box::pin(async move {
                    let connection: &mut $Connection = &mut self.connection;
                    Ok(bind(sql, values).fetch_all(connection).await.map_err(failed)?.iter().map(read).collect())
                })
            }

            fn commit(self: Box<Self>) -> Pending<'static, ()> {
                Box::pin(self.finish())
            }
        }
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_both_databases_are_told_apart() {
        for (code, expected) in [
            ("53100", Fault::Full),
            ("13", Fault::Full),
            ("5", Fault::Busy),
            ("517", Fault::Busy),
            ("40001", Fault::Busy),
            ("778", Fault::Io),
            ("08006", Fault::Gone),
            ("57P01", Fault::Gone),
            ("11", Fault::Damaged),
            ("25006", Fault::ReadOnly),
            ("42601", Fault::Other),
            ("1", Fault::Other),
        ] {
            assert_eq!(fault(code), expected, "{code}");
        }
    }
}
